// block[row] = heads of x[row], side by side in the order of the table `heads`; its padding is zero. A thread a row and channel of a head.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> block: array<f32>;
override head_size: u32;
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
  let to = row * block_stride;
  for (var slot = 0u; slot < slots; slot++) {
    block[to + slot * head_size + channel] = x[row * x_stride + heads[slot] * head_size + channel];
  }
  for (var column = slots * head_size + channel; column < block_stride; column += head_size) {
    block[to + column] = 0.0;
  }
}
