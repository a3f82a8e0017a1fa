// Adam's moments in bf16, two to a word, rounded to nearest, ties to even.
@group(0) @binding(5) var<storage, read_write> moment1: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec2<u32>>;

fn moments_at(i: u32, block: u32) -> Moments {
  return Moments(from_bf16(moment1[i]), from_bf16(moment2[i]));
}

fn store_moments(moments: Moments, i: u32, block: u32, local: u32, own: bool) {
  if (own) {
    moment1[i] = to_bf16(moments.first);
    moment2[i] = to_bf16(moments.second);
  }
}
