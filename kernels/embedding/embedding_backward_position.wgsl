// d_positions[first_written + i] = (or +=) the sum over sequences of dx[first_read + i], for the positions in the bound window of their table: in vectors.
// `sequences` are those in the bound window of dx.
struct Parameters { sequences: u32, vectors: u32, first_read: u32, first_written: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> dx: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> d_positions: array<vec4<f32>>;
override sequence_vectors: u32; // of each

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
  for (var i = 0u; i < p.sequences; i++) {
    sum += dx[i * sequence_vectors + p.first_read + at];
  }
  if (p.accumulate != 0) {
    sum += d_positions[p.first_written + at];
  }
  d_positions[p.first_written + at] = sum;
}
