// d *= GELU'(x), in place, x as operand x reads it. With s = 1 / (1 + exp(-2u)): GELU' = s + 2 x s (1 - s) u', tanh approximation.
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
  let x = x_load4(at, at % stride);
  let square = x * x;
  let u = 0.7978845608028654 * x * fma(vec4(0.044715), square, vec4(1.0));
  let slope = 0.7978845608028654 * fma(vec4(0.134145), square, vec4(1.0));
  let s = 1.0 / (1.0 + exp(clamp(-2.0 * u, vec4(-80.0), vec4(80.0))));
  d[at] *= s + 2.0 * x * s * (1.0 - s) * slope;
}
