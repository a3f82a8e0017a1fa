import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { refuseBeyondRoom } from "../../src/gpu/room.ts";
import { type Store, type Tensor, tensorBytes } from "../../src/gpu/tensor.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { bytes } from "../../src/text/format.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { type CellMeasurement, failed, type Planned, plannedMemory } from "../results/results.ts";
import type { Limit } from "../results/run_header.ts";
import { stepSeconds } from "./fitting_sweep.ts";

/** What the plan of a step says of its memory. */
export interface PlannedStep extends Planned {
  /** Why it does not fit; null if it may. */
  readonly refusal: string | null;
}

/** Whether a step takes more than there is. */
export const exceeds = ({ wanted, most }: Limit): boolean => wanted > most;

/** Rates of a card by which steps that are only planned are compared: about an H100's. */
const nominalCard = { flops: 40e12, bytes: 3e12 };

/**
 * Plans a step for such an adapter, on which buffers may take so many bytes; tells what it takes of what is limited, too, and how long by its
 * operations and bytes, each at its own rate: null where it cannot be bound.
 */
export function planStep(
  options: TrainOptions,
  adapter: BuilderOptions,
  budget: number = Infinity,
): PlannedStep & { readonly uses: readonly Limit[]; readonly seconds: number | null } {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  try {
    const description = describeStep(options, adapter);
    const { plan, tensors, stores } = description;
    const uses: Limit[] = [
      { of: "memory", wanted: plan.bufferBytes, most: budget },
      {
        of: "buffer",
        wanted: plan.largestBufferBytes,
        most: maxBufferSize,
        tensor: largest(tensors, stores),
      },
    ];
    const refusal = refusalOf(plan, adapter, budget);
    const seconds = stepSeconds(description, nominalCard, options.accumulate);
    return { wantedBytes: plan.bufferBytes, memory: plannedMemory(plan), uses, refusal, seconds };
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    const { bytesWanted, message } = error;
    const uses: Limit[] = [{ of: "binding", wanted: bytesWanted, most: maxStorageBufferBindingSize }];
    return { wantedBytes: bytesWanted, memory: null, uses, refusal: message, seconds: null };
  }
}

/** The name of the largest tensor. */
function largest(tensors: readonly Tensor[], stores: readonly Store[]): string {
  const all = [...tensors.map((tensor) => ({ name: tensor.name, bytes: tensorBytes(tensor) })), ...stores];
  return all.reduce((most, other) => other.bytes > most.bytes ? other : most).name;
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
