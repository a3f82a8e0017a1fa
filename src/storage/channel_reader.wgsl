// Scale and shift by channel.
@group(GROUP) @binding(1) var<storage, read> NAME_tables: array<vec4<f32>>;

fn NAME_read4(fetched: u32, index: u32, column: u32) -> vec4<f32> {
  return fma(NAME_codes4(fetched, column), NAME_tables[3 * column], NAME_tables[3 * column + 1]);
}

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_read4(NAME_fetch4(index, column), index, column);
}
