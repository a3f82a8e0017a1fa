import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
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
    const wantedBytes = plan.bufferBytes;
    const refusal = wantedBytes > budget
      ? `Buffers of ${bytes(wantedBytes)} by plan exceed the ${bytes(budget)} of --memory`
      : null;
    return { wantedBytes, memory: plannedMemory(plan), refusal };
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    return { wantedBytes: error.bytesWanted, memory: null, refusal: error.message };
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
