// squares[first + i] = the sum of squares of chunk i of the gradients. A workgroup a chunk.
struct Parameters { vectors: u32, chunk: u32, first: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let chunk = group.y * groups.x + group.x;
  if (chunk * p.chunk >= p.vectors) {
    return;
  }
  var sum = 0.0;
  let end = min((chunk + 1) * p.chunk, p.vectors);
  for (var i = chunk * p.chunk + local; i < end; i += threads) {
    sum += dot(gradients[i], gradients[i]);
  }
  let total = workgroup_sum(sum, local);
  if (local == 0) {
    squares[p.first + chunk] = total;
  }
}
