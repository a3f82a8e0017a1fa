import type { Batch } from "../../src/data/batches.ts";
import { alone, ofFirst, type Ranks } from "../../src/ranks/ranks.ts";
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

/** What a loop of training tells, and is told. */
interface Loop {
  /** Hears of every group of losses, and of how many there are by then. */
  readonly onLosses?: (losses: number[], done: number) => void | Promise<void>;
  /** Whether to end after the group that is under way; the same on all ranks. */
  readonly halted?: () => boolean;
  /** Who share the steps: they read losses together, and how often depends on time, so that the first decides. */
  readonly ranks?: Ranks;
}

/**
 * Trains `steps` steps and reads their losses (nats per token) in groups, as many at a time as keeps the reading cheap; the batch that comes
 * next is made while the device computes. Returns all losses.
 */
export async function trainSteps<Given>(
  session: { step(batches: Given): void; losses(): Promise<number[]> },
  batches: { next(): Given },
  steps: number,
  { onLosses = () => {}, halted = () => false, ranks = alone }: Loop = {},
): Promise<number[]> {
  const all: number[] = [];
  const made: Given[] = [];
  let group = 1;
  while (all.length < steps && !halted()) {
    const started = performance.now();
    group = Math.min(group, steps - all.length);
    for (let i = 0; i < group; i++) session.step(made.pop() ?? batches.next());
    if (all.length + group < steps) made.push(batches.next());
    const losses = await session.losses();
    all.push(...losses);
    await onLosses(losses, all.length);
    const seconds = (performance.now() - started) / 1000;
    const cheap = Math.round(group * secondsBetweenReads / seconds);
    group = ofFirst(ranks, Math.max(1, Math.min(mostStepsBetweenReads, cheap)));
  }
  return all;
}
