// A matrix stored as f16, two to a word.
@group(GROUP) @binding(0) var<storage, read> NAME_halves: array<vec2<u32>>;

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  let pair = NAME_halves[index];
  return vec4(unpack2x16float(pair.x), unpack2x16float(pair.y));
}
