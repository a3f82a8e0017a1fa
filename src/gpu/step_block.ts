import type { Store, Tensor } from "./tensor.ts";

/**
 * The only words that change from step to step, 32 bits each. Shaders read them as `array<u32>` in the order given here; floats are
 * bit-cast.
 */
export interface StepValues {
  /** Seed of this step's stochastic rounding. */
  seed: number;
  /** Where this step's loss and gradient norm go in their rings. */
  slot: number;
  /** 1 / number of valid targets. */
  inverseValid: number;
  learningRate: number;
  /** 1 - beta1^t and 1 / sqrt(1 - beta2^t), Adam's bias corrections at step t. */
  correction1: number;
  inverseRootCorrection2: number;
  /** The row of the batch whose logits are wanted, when generating. */
  row: number;
}

const words = 8;

/** The store of the step block, and its description for shaders. */
export const stepStore: Store = { name: "step", category: "control", bytes: 256 };
export const stepTensor: Tensor = {
  name: "step",
  dtype: "u32",
  rows: 1,
  cols: words,
  stride: words,
  category: "control",
  home: { store: stepStore, offset: 0 },
};

/** The block's bytes. */
export function packStep(values: StepValues): Uint32Array<ArrayBuffer> {
  const block = new Uint32Array(words);
  const floats = new Float32Array(block.buffer);
  block[0] = values.seed;
  block[1] = values.slot;
  floats[2] = values.inverseValid;
  floats[3] = values.learningRate;
  floats[4] = values.correction1;
  floats[5] = values.inverseRootCorrection2;
  block[6] = values.row;
  return block;
}
