// A matrix stored in 8 bits, with scale and shift by channel.
@group(GROUP) @binding(0) var<storage, read> NAME_codes: array<u32>;
@group(GROUP) @binding(1) var<storage, read> NAME_tables: array<vec4<f32>>;

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  let word = NAME_codes[index];
  let q = vec4<f32>((vec4(word) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u));
  return fma(q, NAME_tables[3 * column], NAME_tables[3 * column + 1]);
}
