import { clippedIn, numbersSeen } from "../../kernels/products/scales.ts";
import type { Dispatch } from "../gpu/kernel.ts";
import type { OperandScales } from "../gpu/operand_scales.ts";
import type { StoragePolicy } from "../storage/policy.ts";
import type { SessionMemory } from "./session_memory.ts";

/** Share of the elements that a policy quantized in the last step (in its last micro-batch) that lay outside their range; 0 where it quantizes none. */
export async function clippedShare(memory: SessionMemory, { clipCounters }: StoragePolicy): Promise<number> {
  let clipped = 0;
  let elements = 0;
  for (const counter of clipCounters) {
    const words = new Uint32Array(await memory.read(counter.estimates));
    clipped += words[(counter.estimates.rows - 1) * counter.estimates.stride];
    elements += counter.elements;
  }
  return elements > 0 ? clipped / elements : 0;
}

/**
 * Share of the numbers that products have read in so many runs of a program, all that there were, that were larger than their scale lets
 * halves hold, and were clipped; undefined where products are in f32. Waits for the queue.
 */
export async function overflowShare(
  memory: SessionMemory,
  scales: OperandScales,
  dispatches: readonly Dispatch[],
  runs: number,
): Promise<number | undefined> {
  const numbers = numbersSeen(dispatches);
  if (numbers === 0) return undefined;
  let clipped = 0;
  for (const seen of scales.all) {
    clipped += clippedIn(new Uint32Array(await memory.read(seen)));
  }
  return clipped / (numbers * Math.max(1, runs));
}
