// d *= GELU'(x), in place, x as operand x reads it. GELU' = Phi(x) + x phi(x), phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
struct Parameters { vectors: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> d: array<vec4<f32>>;
override stride: u32; // in vectors

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  if (at >= p.vectors) {
    return;
  }
  let x = clamp(x_load4(at, at % stride), vec4(-14.0), vec4(14.0));
  let e = exp(-0.5 * x * x);
  let tail = gelu_tail(abs(x), e);
  d[at] *= fma(0.3989422804014327 * x, e, select(tail, 1.0 - tail, x > vec4<f32>()));
}
