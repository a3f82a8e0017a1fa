import type { Batch } from "../../src/data/batches.ts";
import type { StepBatches } from "../../src/train/session.ts";
import { type StepChoices, stepDefaults } from "../../src/train/step_choices.ts";

/** How long steps may queue before their losses are read: reading waits for the queue and costs some 10 ms. */
const secondsBetweenReads = 0.25;
const mostStepsBetweenReads = 50;

/** The batches of whole steps: of each its micro-batches, one after the other. */
export function inMicroBatches(
  batches: { next(): Batch },
  { accumulate = stepDefaults.accumulate }: StepChoices,
): { next(): StepBatches } {
  return { next: () => Array.from({ length: accumulate }, () => batches.next()) };
}

/**
 * Trains `steps` steps and reads their losses (nats per token) in groups, as many at a time as keeps the reading cheap. `onLosses` hears of
 * every group; after one in which `signal` is aborted, none follows. Returns all losses.
 */
export async function trainSteps<Given>(
  session: { step(batches: Given): void; losses(): Promise<number[]> },
  batches: { next(): Given },
  steps: number,
  onLosses: (losses: number[], done: number) => void | Promise<void> = () => {},
  signal?: AbortSignal,
): Promise<number[]> {
  const all: number[] = [];
  let group = 1;
  while (all.length < steps && !signal?.aborted) {
    const started = performance.now();
    group = Math.min(group, steps - all.length);
    for (let i = 0; i < group; i++) session.step(batches.next());
    const losses = await session.losses();
    all.push(...losses);
    await onLosses(losses, all.length);
    const seconds = (performance.now() - started) / 1000;
    group = Math.max(1, Math.min(mostStepsBetweenReads, Math.round(group * secondsBetweenReads / seconds)));
  }
  return all;
}
