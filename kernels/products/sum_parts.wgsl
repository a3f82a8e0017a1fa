// c = (or +=) the sum of `parts` matrices of the same size that follow each other, in order.
struct Parameters { vectors: u32, parts: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;

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
  var sum = vec4<f32>();
  for (var part = 0u; part < p.parts; part++) {
    sum += parts[part * p.vectors + at];
  }
  if (p.accumulate != 0) {
    sum += c[at];
  }
  c[at] = sum;
}
