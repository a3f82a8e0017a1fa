// ring[slot] = the sum of the losses of all rows / valid targets, added to those of the step's earlier micro-batches. One workgroup, in a
// fixed order.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> ring: array<f32>;

@compute @workgroup_size(threads)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var row = local; row < p.rows; row += threads) {
    sum += losses[row];
  }
  let total = workgroup_sum(sum, local);
  if (local == 0) {
    let before = select(0.0, ring[step.slot], step.micro_batch > 0);
    ring[step.slot] = before + total * step.inverse_valid;
  }
}
