import { type DeviceLimits, typicalGpuLimits } from "../gpu/limits.ts";
import type { ProgramDescription } from "../gpu/builder.ts";
import type { MemoryPlan } from "../memory/plan.ts";
import { gpt2Parameters } from "../models/gpt2.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { policyNamed } from "../storage/policies.ts";
import { batchTensors } from "./batch_tensors.ts";
import { describeTraining } from "./describe.ts";
import { trainDefaults, type TrainOptions } from "./options.ts";

/** The program of a training step on a GPU with these limits. No adapter is asked. */
export function describeStep(options: TrainOptions, limits: DeviceLimits): ProgramDescription {
  const { model, sequence, batch, policy, decay = trainDefaults.decay } = options;
  const parameters = new ParameterSet(gpt2Parameters(model, decay), limits);
  const tensors = batchTensors(batch * sequence, model.vocab);
  const builder = { limits, adapterClass: "gpu", subgroupSize: 32 } as const;
  return describeTraining(options, parameters, tensors, policyNamed(policy, options), builder);
}

/**
 * The memory of a training step, from the program alone; no adapter is asked. `limits` are those of the adapter that is meant, by default a
 * current discrete GPU's.
 */
export function planTraining(options: TrainOptions, limits: DeviceLimits = typicalGpuLimits): MemoryPlan {
  return describeStep(options, limits).plan;
}
