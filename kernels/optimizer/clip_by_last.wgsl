// clip = min(1, limit / (norm of the step before + 1e-6)), or 1 where the limit is 0. A slot that no step has written holds 0, so that the
// first step is not clipped.
struct Parameters { ring: u32, limit: f32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read_write> clip: array<f32>;

@compute @workgroup_size(1)
fn main() {
  let before = norms[(step.slot + p.ring - 1) % p.ring];
  clip[0] = select(1.0, min(1.0, p.limit / (before + 1e-6)), p.limit > 0.0);
}
