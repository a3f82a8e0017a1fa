// AdamW (arXiv 1711.05101) in PyTorch's order: the parameter decays, the moments advance, the corrected step is taken; epsilon is added
// after the square root. Gradients are scaled by the clip factor on load. What is kept of the weight and the moments (the texts in
// front) is rounded after the step.
// `rate1` and `rate2` are 1 - beta1 and 1 - beta2, rounded once: in f32, 1 - 0.999 would be off by 5e-5.
struct Parameters {
  vectors: u32,
  first_vector: u32, // of all that are trained
  skip: u32, decayed: u32, rate1: f32, rate2: f32, epsilon: f32, weight_decay: f32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> clip: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4<f32>>;
struct Moments { first: vec4<f32>, second: vec4<f32> }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let block = group.y * groups.x + group.x;
  if (block * 64 >= p.vectors) {
    return;
  }
  let own = block * 64 + local < p.vectors; // the last block may be cut
  let i = min(block * 64 + local, p.vectors - 1);
  let rate = step.learning_rate;
  let g = gradient[i] * clip[0];
  let before = moments_at(i, block);
  let m = fma(vec4(p.rate1), g - before.first, before.first);
  let v = fma(vec4(p.rate2), g * g - before.second, before.second);
  let denominator = sqrt(v) * step.inverse_root_correction2 + p.epsilon;
  var w = weight_at(i);
  if (p.decayed != 0) {
    w -= rate * p.weight_decay * w;
  }
  if (own) {
    store_weight(w - rate / step.correction1 * (m / denominator), i);
  }
  store_moments(Moments(m, v), i, block, local, own);
}
