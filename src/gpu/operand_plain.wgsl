// An f32 matrix, read as it is.
@group(GROUP) @binding(0) var<storage, read> NAME_data: array<vec4<f32>>;

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_data[index];
}
