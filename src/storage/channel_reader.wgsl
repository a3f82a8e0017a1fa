// Scale and shift by channel.
@group(GROUP) @binding(1) var<storage, read> NAME_tables: array<vec4<f32>>;

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return fma(NAME_codes4(index, column), NAME_tables[3 * column], NAME_tables[3 * column + 1]);
}
