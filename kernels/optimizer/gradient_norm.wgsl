// norms[slot] = the norm of all gradients, from the sums of squares of their chunks; clip = min(1, limit / (norm + 1e-6)), or 1 where the
// limit is 0. One workgroup, in a fixed order.
struct Parameters { count: u32, limit: f32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> squares: array<f32>;
@group(0) @binding(3) var<storage, read_write> norms: array<f32>;
@group(0) @binding(4) var<storage, read_write> clip: array<f32>;

@compute @workgroup_size(threads)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = local; i < p.count; i += threads) {
    sum += squares[i];
  }
  let norm = sqrt(workgroup_sum(sum, local));
  if (local == 0) {
    norms[step.slot] = norm;
    clip[0] = select(1.0, min(1.0, p.limit / (norm + 1e-6)), p.limit > 0.0);
  }
}
