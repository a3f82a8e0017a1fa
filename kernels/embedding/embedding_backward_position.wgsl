// d_positions[first + t] = (or +=) the sum over sequences of dx at position t. `sequences` are those in the bound window.
struct Parameters { sequences: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> dx: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> d_positions: array<vec4<f32>>;
override stride: u32; // in vectors
override sequence: u32; // rows of each
override first_position: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  if (at >= sequence * stride) {
    return;
  }
  var sum = vec4<f32>();
  for (var i = 0u; i < p.sequences; i++) {
    sum += dx[i * sequence * stride + at];
  }
  let to = first_position * stride + at;
  if (p.accumulate != 0) {
    sum += d_positions[to];
  }
  d_positions[to] = sum;
}
