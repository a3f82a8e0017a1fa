// sums[first + i] = Σ (a − b)², Σ a², Σ b² and Σ a·b over chunk i of two tensors. A workgroup a chunk.
struct Parameters { vectors: u32, chunk: u32, first: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4<f32>>;

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
  var sum = vec4<f32>();
  let end = min((chunk + 1) * p.chunk, p.vectors);
  for (var i = chunk * p.chunk + local; i < end; i += threads) {
    let difference = a[i] - b[i];
    sum += vec4(dot(difference, difference), dot(a[i], a[i]), dot(b[i], b[i]), dot(a[i], b[i]));
  }
  let first = workgroup_sum2(sum.xy, local);
  let second = workgroup_sum2(sum.zw, local);
  if (local == 0) {
    sums[p.first + chunk] = vec4(first, second);
  }
}
