import { fieldsOf, packFields } from "./fields.ts";
import type { Store, Tensor } from "./tensor.ts";
import stepText from "./step.wgsl" with { type: "text" };

/** The WGSL of struct `Step`, which stands before the text of a kernel that binds the step block. */
export { stepText };

/** The only words that change from step to step: the fields of `Step` in step.wgsl. */
export interface StepValues {
  /** Seed of this step's stochastic rounding. */
  seed: number;
  /** Where this step's loss and gradient norm go in their rings. */
  slot: number;
  /** 1 / number of valid targets, of all micro-batches of the step. */
  inverseValid: number;
  learningRate: number;
  /** 1 - beta1^t and 1 / sqrt(1 - beta2^t), Adam's bias corrections at step t. */
  correction1: number;
  inverseRootCorrection2: number;
  /** The row of the batch whose logits are wanted, when generating. */
  row: number;
  /** Of the step, from 0: the loss of a later one adds to what is in its slot. */
  microBatch: number;
}

const fields = fieldsOf(stepText, "Step");

/** The store of the step block, and its description for shaders. */
export const stepStore: Store = { name: "step", category: "control", bytes: 256 };
export const stepTensor: Tensor = {
  name: "step",
  dtype: "u32",
  rows: 1,
  cols: fields.length,
  stride: fields.length,
  category: "control",
  home: { store: stepStore, offset: 0 },
};

/** The block's words. */
export function packStep(values: StepValues): Uint32Array<ArrayBuffer> {
  const { inverseValid, learningRate, inverseRootCorrection2, microBatch, ...others } = values;
  return packFields(fields, {
    ...others,
    inverse_valid: inverseValid,
    learning_rate: learningRate,
    inverse_root_correction2: inverseRootCorrection2,
    micro_batch: microBatch,
  }, new Uint32Array(fields.length));
}
