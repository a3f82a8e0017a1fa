import { gpuWith } from "../gpu/builder.ts";
import { type DeviceLimits, typicalGpuLimits } from "../gpu/limits.ts";
import type { MemoryPlan } from "../memory/plan.ts";
import type { TrainOptions } from "./options.ts";
import { describeStep } from "./plan_training.ts";

/**
 * The memory of a training step, from the program alone; no adapter is asked. `limits` are those of the adapter that is meant, by default a
 * current discrete GPU's.
 */
export function planTraining(options: TrainOptions, limits: DeviceLimits = typicalGpuLimits): MemoryPlan {
  return describeStep(options, gpuWith(limits)).plan;
}
