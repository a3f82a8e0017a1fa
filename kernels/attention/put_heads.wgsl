// The heads of x[row] that the table `heads` names = those that lie side by side in block[row], or += them where `adds` says so;
// x's padding is zero. A thread a row and channel of a head, so that what is added to one head is added in order.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> block: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
override head_size: u32;
override x_cols: u32;
override x_stride: u32; // in numbers
override block_stride: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  let row = at / head_size;
  if (row >= p.rows) {
    return;
  }
  let channel = at % head_size;
  let first = row * x_stride;
  for (var slot = 0u; slot < slots; slot++) {
    let to = first + heads[slot] * head_size + channel;
    var value = block[row * block_stride + slot * head_size + channel];
    if (adds[slot] != 0) {
      value += x[to];
    }
    x[to] = value;
  }
  for (var column = x_cols + channel; column < x_stride; column += head_size) {
    x[first + column] = 0.0;
  }
}
