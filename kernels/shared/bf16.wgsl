// Four numbers in bf16, the upper halves of f32, two to a word. Behind no_number.wgsl.
fn from_bf16(words: vec2<u32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4(words.x << 16, words.x & 0xffff0000, words.y << 16, words.y & 0xffff0000));
}

// The upper halves of bits to which something is added that rounds them. What is no number stays none: the sum could wrap, or be infinite.
fn upper_halves(x: vec4<f32>, added: vec4<u32>) -> vec4<u32> {
  return select((bitcast<vec4<u32>>(x) + added) >> vec4(16), vec4(0x7fc0), no_numbers(x));
}

// To nearest, ties to even.
fn to_bf16(x: vec4<f32>) -> vec2<u32> {
  let high = upper_halves(x, vec4(0x7fff) + ((bitcast<vec4<u32>>(x) >> vec4(16)) & vec4(1)));
  return vec2(high.x | (high.y << 16), high.z | (high.w << 16));
}
