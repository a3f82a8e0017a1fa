// gamma * x, by column.
@group(GROUP) @binding(8) var<storage, read> NAME_gamma: array<vec4<f32>>;

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_gamma[column] * NAME_inner_load4(index, column);
}
