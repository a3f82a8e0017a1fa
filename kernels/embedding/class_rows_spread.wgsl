// dx[i * every] = d[i], and zero between. `vectors` are those of the bound window of dx, `first_vector` is the first of d that it takes.
struct Parameters { vectors: u32, first_vector: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> d: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;
override stride: u32; // in vectors
override every: u32;

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
  let row = at / stride;
  var value = vec4<f32>();
  if (row % every == 0) {
    value = d[p.first_vector + row / every * stride + at % stride];
  }
  dx[at] = value;
}
