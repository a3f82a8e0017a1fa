fn from_16bit(words: vec2<u32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4(words.x << 16, words.x & 0xffff0000, words.y << 16, words.y & 0xffff0000));
}

fn to_16bit(values: vec4<f32>, random: vec4<u32>) -> vec4<u32> {
  return (bitcast<vec4<u32>>(values) + (random & vec4(0xffff))) >> vec4(16);
}
