import { type DeviceLimits, typicalGpuLimits } from "../gpu/limits.ts";
import type { ProgramDescription } from "../gpu/builder.ts";
import type { MemoryPlan } from "../memory/plan.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { describeTraining } from "./describe.ts";
import { policyOf, type TrainOptions } from "./options.ts";
import { taskOf } from "./task_of.ts";

/** The program of a training step on a GPU with these limits. No adapter is asked. */
export function describeStep(options: TrainOptions, limits: DeviceLimits): ProgramDescription {
  const task = taskOf(options);
  const parameters = new ParameterSet(task.parameters, limits);
  const builder = { limits, adapterClass: "gpu", subgroupSize: 32 } as const;
  return describeTraining(options, task, parameters, policyOf(options), builder);
}

/**
 * The memory of a training step, from the program alone; no adapter is asked. `limits` are those of the adapter that is meant, by default a
 * current discrete GPU's.
 */
export function planTraining(options: TrainOptions, limits: DeviceLimits = typicalGpuLimits): MemoryPlan {
  return describeStep(options, limits).plan;
}
