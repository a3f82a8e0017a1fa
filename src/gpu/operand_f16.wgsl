// A matrix stored as f16, two to a word.
@group(GROUP) @binding(0) var<storage, read> NAME_halves: array<vec2<u32>>;

fn NAME_fetch4(index: u32, column: u32) -> vec2<u32> {
  return NAME_halves[index];
}

fn NAME_read4(pair: vec2<u32>, index: u32, column: u32) -> vec4<f32> {
  return vec4(unpack2x16float(pair.x), unpack2x16float(pair.y));
}

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_read4(NAME_fetch4(index, column), index, column);
}
