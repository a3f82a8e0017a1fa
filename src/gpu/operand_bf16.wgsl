// A matrix stored as bf16, two to a word: the upper halves of f32.
@group(GROUP) @binding(0) var<storage, read> NAME_halves: array<vec2<u32>>;

fn NAME_fetch4(index: u32, column: u32) -> vec2<u32> {
  return NAME_halves[index];
}

fn NAME_read4(pair: vec2<u32>, index: u32, column: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4(pair.x << 16, pair.x & 0xffff0000, pair.y << 16, pair.y & 0xffff0000));
}

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_read4(NAME_fetch4(index, column), index, column);
}
