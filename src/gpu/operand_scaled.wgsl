// gamma * x, by column.
@group(GROUP) @binding(8) var<storage, read> NAME_gamma: array<vec4<f32>>;

fn NAME_fetch4(index: u32, column: u32) -> FETCHED {
  return NAME_inner_fetch4(index, column);
}

fn NAME_read4(fetched: FETCHED, index: u32, column: u32) -> vec4<f32> {
  return NAME_gamma[column] * NAME_inner_read4(fetched, index, column);
}

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_read4(NAME_fetch4(index, column), index, column);
}
