// Adam's moments in 8 bits, by blocks of 256, each a workgroup's. m = code scale, with 127 at the largest |m|. v = (code scale)^2, with 255 at
// the largest v and no code below 1: the root, for v spans twice m's orders of magnitude, and in a linear code a quarter of it would be 0,
// whose step is m/epsilon. Rounded to nearest.
@group(0) @binding(5) var<storage, read_write> moment1: array<u32>;
@group(0) @binding(6) var<storage, read_write> moment2: array<u32>;
@group(0) @binding(7) var<storage, read_write> scales: array<vec2<f32>>;

fn moments_at(i: u32, block: u32) -> Moments {
  let scale = scales[p.skip + block];
  let first = bitcast<i32>(moment1[i]);
  let codes = vec4(extractBits(first, 0, 8), extractBits(first, 8, 8), extractBits(first, 16, 8), extractBits(first, 24, 8));
  let second = moment2[i];
  let roots = vec4<f32>(vec4(second & 255, (second >> 8) & 255, (second >> 16) & 255, second >> 24)) * scale.y;
  return Moments(vec4<f32>(codes) * scale.x, roots * roots);
}

fn largest(values: vec4<f32>, local: u32) -> f32 {
  return workgroup_max(max(max(values.x, values.y), max(values.z, values.w)), local);
}

// Codes of numbers of at most `most` codes of that scale; all 0 where the scale is.
fn codes(values: vec4<f32>, scale: f32) -> vec4<i32> {
  return vec4<i32>(round(select(vec4<f32>(), values / scale, vec4(scale > 0))));
}

fn packed(codes: vec4<i32>) -> u32 {
  let bytes = bitcast<vec4<u32>>(codes) & vec4(255);
  return bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
}

fn store_moments(moments: Moments, i: u32, block: u32, local: u32, own: bool) {
  let roots = sqrt(moments.second);
  let scale = vec2(largest(abs(moments.first), local) / 127, largest(roots, local) / 255);
  if (own) {
    moment1[i] = packed(clamp(codes(moments.first, scale.x), vec4(-127), vec4(127)));
    moment2[i] = packed(clamp(codes(roots, scale.y), vec4(1), vec4(255)));
  }
  if (local == 0) {
    scales[p.skip + block] = scale;
  }
}
