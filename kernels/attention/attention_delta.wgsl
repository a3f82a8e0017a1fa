// delta = rowsum(d * o) by row and head: what the gradient of a softmax subtracts from each of its row's derivatives. Operands d and o read
// matrices of heads side by side. `lanes` neighbouring threads share a row and head, so that they load what lies side by side; a vector that a
// head shares with its neighbour counts in part.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> delta: array<f32>;
override heads: u32;
override head_size: u32;
override d_stride: u32; // in vectors
override o_stride: u32;
override lanes: u32; // a power of two
var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let index = ((group.y * groups.x + group.x) * 64 + local) / lanes; // of a row and head
  let row = index / heads;
  let first = index % heads * head_size;
  let end = select(first, first + head_size, row < p.rows);
  var sum = vec4<f32>();
  for (var column = first / 4 + local % lanes; column * 4 < end; column += lanes) {
    let channel = vec4(column * 4) + vec4(0u, 1u, 2u, 3u);
    let own = (channel >= vec4(first)) & (channel < vec4(end));
    let product = d_load4(row * d_stride + column, column) * o_load4(row * o_stride + column, column);
    sum += select(vec4<f32>(), product, own);
  }
  sums[local] = (sum.x + sum.y) + (sum.z + sum.w);
  for (var half = lanes / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (local % lanes < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local % lanes == 0 && row < p.rows) {
    delta[index] = sums[local];
  }
}
