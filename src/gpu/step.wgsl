// The words that change from step to step. Joined in front of the kernels that read them.
struct Step {
  seed: u32, // of this step's stochastic rounding
  slot: u32, // where this step's loss and gradient norm go in their rings
  inverse_valid: f32, // 1 / number of valid targets, of all its micro-batches
  learning_rate: f32,
  // 1 - beta1^t and 1 / sqrt(1 - beta2^t), Adam's bias corrections at step t.
  correction1: f32,
  inverse_root_correction2: f32,
  row: u32, // of the batch whose logits are wanted, when generating
  micro_batch: u32, // of the step, from 0: the loss of a later one adds to what is in its slot
}
