import type { Batch } from "../data/batches.ts";
import type { StoragePolicy } from "../storage/policy.ts";
import { describeEvaluation } from "./describe.ts";
import { type InTraining, withProgram } from "./in_training.ts";
import { ringLength } from "./task.ts";

/** What a model does on held-out data. */
export interface Evaluation {
  /** Mean over valid targets, in nats. */
  readonly loss: number;
  /** Share of images whose label has the largest logit; null for texts. */
  readonly top1: number | null;
}

/**
 * Evaluates the mean over batches, which must have the training batch's size. Changes neither weights nor range estimates. `policy` says how
 * rows go through MLP and head in pieces, which changes the order of sums at most.
 */
export function evaluate(
  inTraining: InTraining,
  batches: readonly Batch[],
  policy: StoragePolicy,
): Promise<Evaluation> {
  const { task, parameterSet, builderOptions, memory } = inTraining;
  const { lossRing, hitRing } = task;
  const description = describeEvaluation(task, parameterSet, policy, builderOptions);
  return withProgram(inTraining, description, async (program) => {
    let [loss, hits, count] = [0, 0, 0];
    for (let first = 0; first < batches.length; first += ringLength) {
      const group = batches.slice(first, first + ringLength);
      const valid = group.map((batch, slot) => {
        const packed = task.pack(batch);
        memory.run(program, () => memory.writeBatch(packed, { slot }));
        return packed.valid;
      });
      const losses = await memory.sums(lossRing);
      const shares = hitRing && await memory.sums(hitRing);
      valid.forEach((weight, slot) => {
        loss += losses[slot] * weight;
        hits += (shares?.[slot] ?? 0) * weight;
        count += weight;
      });
    }
    const mean = (sum: number) => sum / Math.max(1, count);
    return { loss: mean(loss), top1: hitRing ? mean(hits) : null };
  });
}
