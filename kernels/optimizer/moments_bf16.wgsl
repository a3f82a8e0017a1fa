// Adam's moments in bf16, two to a word, rounded to nearest, ties to even.
@group(0) @binding(5) var<storage, read_write> moment1: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec2<u32>>;

fn from_bf16(words: vec2<u32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4(words.x << 16, words.x & 0xffff0000, words.y << 16, words.y & 0xffff0000));
}

fn to_bf16(values: vec4<f32>) -> vec2<u32> {
  let bits = bitcast<vec4<u32>>(values);
  let high = (bits + vec4(0x7fff) + ((bits >> vec4(16)) & vec4(1))) >> vec4(16);
  return vec2(high.x | (high.y << 16), high.z | (high.w << 16));
}

fn moments_at(i: u32, block: u32) -> Moments {
  return Moments(from_bf16(moment1[i]), from_bf16(moment2[i]));
}

fn store_moments(moments: Moments, i: u32, block: u32, local: u32, own: bool) {
  if (own) {
    moment1[i] = to_bf16(moments.first);
    moment2[i] = to_bf16(moments.second);
  }
}
