fn from_16bit(words: vec2<u32>) -> vec4<f32> {
  return from_bf16(words);
}

fn to_16bit(values: vec4<f32>, random: vec4<u32>) -> vec4<u32> {
  return upper_halves(values, random & vec4(0xffff));
}
