// out[i] = x[i * every], row by row. `vectors` and `first_vector` are those of out that the bound window of x holds.
struct Parameters { vectors: u32, first_vector: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
override stride: u32; // in vectors
override every: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  if (at < p.vectors) {
    out[p.first_vector + at] = x[at / stride * every * stride + at % stride];
  }
}
