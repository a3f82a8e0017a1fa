const recompute = "reports/2026-11-24-nvidia-h100-recompute";
const set = "reports/2026-11-28-nvidia-h200";
const later = "reports/2026-11-29-nvidia-h200";
const latest = "reports/2026-11-30-nvidia-h200";

/** Where the sweeps of each result lie: of several folders the first that is there; without one the page leaves the result out. */
export const sweepFolders = {
  answer: [`${later}/answer`],
  grid: [`${later}/grid`],
  frontier: [`${latest}/frontier`],
  frontierNative: [`${latest}/frontier-native`],
  frontierDeit: [`${latest}/frontier-deit`],
  frontierDeitNative: [`${latest}/frontier-deit-native`],
  reinvest: [`${latest}/reinvest`],
  longest: [`${later}/mst`],
  longest16: [`${latest}/mst16`],
  longLlama: [`${later}/llama-1b`],
  longest24: [`${later}/llama-1b-24`],
  ranksSequence: [`${later}/ranks-65536`],
  ranksBatch: [`${later}/ranks-data`],
  ranksLength: [`${later}/ranks-length`],
  ranksOne: [`${later}/ranks-one`],
  text: [`${later}/precision`],
  stepsNative: [`${later}/steps-native`],
  stepsF16x3: [`${later}/steps-f16x3`],
  stepsF16: [`${later}/steps-f16`],
  states: [`${later}/states`],
  vision: [`${latest}/vision`],
  visionF16: [`${later}/deit-f16`],
  quality: [`${later}/parity`],
  qualityCurve: [`${later}/curve`],
  qualityRecompute: [`${latest}/parity-recompute`, recompute],
  qualityArithmetic: [`${later}/parity-arithmetic`],
  qualityStates: [`${later}/parity-states`],
  firstSteps: [`${latest}/first-steps`],
  grouping: [`${latest}/ablation-grouping`],
  length: [`${latest}/ablation-length`, `${set}/length`],
} as const satisfies Record<string, readonly string[]>;

/** Likewise of the kernels' times. */
export const kernelFolders: readonly string[] = [`${latest}/kernels`];

/** Likewise of what proofs printed: a large step in f16 and one natively, gradients of large tensors, checkpoints that go to `transformers` and back, and what fits. */
export const proofFiles = {
  largeStep: [`${latest}/large-steps.txt`],
  largeStepNative: [`${later}/large-native.txt`],
  gradients: [`${later}/large-gradients.txt`],
  checkpoints: [`${later}/transformers.txt`],
  fits: [`${later}/fit.txt`],
} as const satisfies Record<string, readonly string[]>;

/** Likewise of PyTorch's records. */
export const peerFolders = {
  gpt2: [`${latest}/peers-gpt2`],
  deit: [`${latest}/peers-deit`],
  llama: [`${later}/peers-llama`],
} as const satisfies Record<string, readonly string[]>;
