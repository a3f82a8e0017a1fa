import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { refuseBeyondRoom } from "../../src/gpu/room.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { bytes } from "../../src/text/format.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { type CellMeasurement, failed, type Planned, plannedMemory } from "../results/results.ts";

/** What the plan of a step says of its memory. */
export interface PlannedStep extends Planned {
  /** Why it does not fit; null if it may. */
  readonly refusal: string | null;
}

/** Plans a step for such an adapter, on which buffers may take so many bytes. */
export function planStep(
  options: TrainOptions,
  adapter: BuilderOptions,
  budget: number = Infinity,
): PlannedStep {
  try {
    const { plan } = describeStep(options, adapter);
    const refusal = refusalOf(plan, adapter, budget);
    return { wantedBytes: plan.bufferBytes, memory: plannedMemory(plan), refusal };
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    return { wantedBytes: error.bytesWanted, memory: null, refusal: error.message };
  }
}

/** Why a plan's buffers cannot be had; null if they may. */
function refusalOf(plan: MemoryPlan, { limits }: BuilderOptions, budget: number): string | null {
  if (plan.bufferBytes > budget) {
    return `Buffers of ${bytes(plan.bufferBytes)} by plan exceed the ${bytes(budget)} of --memory`;
  }
  try {
    refuseBeyondRoom(plan, { limits });
    return null;
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    return error.message;
  }
}

/** What is recorded of a cell that is not run. */
export function notRun(
  status: CellMeasurement["status"],
  message: string,
  { wantedBytes, memory }: Planned,
): CellMeasurement {
  return { ...failed(status, message), wantedBytes, memory };
}
