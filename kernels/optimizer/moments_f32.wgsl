// Adam's moments in f32.
@group(0) @binding(5) var<storage, read_write> moment1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec4<f32>>;

fn moments_at(i: u32, block: u32) -> Moments {
  return Moments(moment1[i], moment2[i]);
}

fn store_moments(moments: Moments, i: u32, block: u32, local: u32, own: bool) {
  if (own) {
    moment1[i] = moments.first;
    moment2[i] = moments.second;
  }
}
