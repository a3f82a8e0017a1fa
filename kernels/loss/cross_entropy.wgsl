// Softmax cross-entropy by rows: the loss of each row, and, in place of the logits, their gradient (softmax - label) / valid targets. A
// label is onehot, or with smoothing (1 - smoothing) onehot + smoothing / vocab. A target outside the vocabulary (-100) is ignored: loss 0,
// gradient 0. A workgroup a row; the maximum and the sum of exponentials are kept online, so the logits are read twice (with smoothing
// once more).
struct Parameters { rows: u32, write_gradient: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> targets: array<i32>;
@group(0) @binding(3) var<storage, read_write> logits: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
override vocab: u32;
override stride: u32; // in vectors
override smoothing: f32 = 0.0;
const lowest = -3.0e38;

fn inside(column: u32) -> vec4<bool> {
  return vec4(column * 4) + vec4(0u, 1u, 2u, 3u) < vec4(vocab);
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) {
    return;
  }
  let first = row * stride;
  let target_id = targets[row];
  let valid = target_id >= 0 && u32(target_id) < vocab;
  var highest = lowest;
  var sum = 0.0;
  for (var column = local; column < stride; column += threads) {
    let z = select(vec4(lowest), logits[first + column], inside(column));
    let top = max(highest, max(max(z.x, z.y), max(z.z, z.w)));
    sum = sum * exp(highest - top) + sum4(exp(z - top));
    highest = top;
  }
  let top = workgroup_max(highest, local);
  let total = workgroup_sum(sum * exp(highest - top), local);
  var below = 0.0; // the mean of top - z
  if (smoothing > 0) {
    for (var column = local; column < stride; column += threads) {
      below += sum4(select(vec4<f32>(), top - logits[first + column], inside(column)));
    }
    below = workgroup_sum(below, local) / f32(vocab);
  }
  if (local == 0) {
    losses[row] = 0.0;
    if (valid) {
      // No term is negative: large logits do not cancel.
      let gap = top - logits[first + u32(target_id) / 4][u32(target_id) % 4];
      losses[row] = log(total) + ((1 - smoothing) * gap + smoothing * below);
    }
  }
  if (p.write_gradient == 0) {
    return;
  }
  storageBarrier(); // the target's logit has been read
  let weight = select(0.0, step.inverse_valid, valid);
  for (var column = local; column < stride; column += threads) {
    let z = select(vec4(lowest), logits[first + column], inside(column));
    let onehot = vec4<f32>(vec4(column * 4) + vec4(0u, 1u, 2u, 3u) == vec4(u32(target_id)));
    let label = (1 - smoothing) * onehot + select(vec4<f32>(), vec4(smoothing / f32(vocab)), inside(column));
    logits[first + column] = (exp(z - top) / total - label) * weight;
  }
}
