import type { Batch } from "../data/batches.ts";
import { UserError } from "../errors.ts";
import type { Category } from "../memory/category.ts";
import type { Store, Tensor } from "../gpu/tensor.ts";
import type { Gpt2Tensors } from "../models/gpt2.ts";

/** Results that wait on the GPU until they are read: one number a step, in turn. */
export const ringLength = 1024;

/** Where a batch, its losses and its gradient norms live, shared by all programs of a session. */
export interface BatchTensors extends Gpt2Tensors {
  readonly normRing: Tensor;
}

/** Describes the tensors of batches of `rows` tokens over `vocab` words. */
export function batchTensors(rows: number, vocab: number): BatchTensors {
  const column = (name: string, count: number, category: Category): Tensor => {
    const store: Store = { name, category, bytes: Math.ceil(count / 4) * 16 };
    return { name, dtype: "u32", rows: count, cols: 1, stride: 1, category, home: { store, offset: 0 } };
  };
  return {
    tokens: column("tokens", rows, "head"),
    order: column("rows by token", rows, "head"),
    starts: column("first row of each token", vocab + 1, "head"),
    targets: column("targets", rows, "head"),
    lossRing: column("loss of each step", ringLength, "control"),
    normRing: column("gradient norm of each step", ringLength, "control"),
  };
}

/** A batch as the GPU takes it. */
export interface PackedBatch {
  readonly tokens: Uint32Array<ArrayBuffer>;
  readonly order: Uint32Array<ArrayBuffer>;
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly targets: Int32Array<ArrayBuffer>;
  readonly inverseValid: number;
}

/** The target that counts nowhere. */
const ignored = -100;

/**
 * Sorts the rows of a batch by token (a counting sort, so equal tokens stay in order) and counts the valid targets. Throws a UserError that
 * names the first id outside the vocabulary.
 */
export function packBatch({ inputs, targets }: Batch, vocab: number): PackedBatch {
  checkTokens(inputs, vocab);
  checkTokens(targets, vocab, ignored);
  const starts = new Uint32Array(vocab + 1);
  for (const word of inputs) starts[word + 1]++;
  for (let w = 0; w < vocab; w++) starts[w + 1] += starts[w];
  const order = new Uint32Array(inputs.length);
  const next = starts.slice();
  inputs.forEach((word, row) => order[next[word]++] = row);
  const valid = targets.reduce((count, word) => count + Number(word !== ignored), 0);
  return { tokens: inputs, order, starts, targets, inverseValid: valid > 0 ? 1 / valid : 0 };
}

/** Throws a UserError that names the first id outside the vocabulary, unless it is `except`. */
export function checkTokens(ids: ArrayLike<number>, vocab: number, except?: number): void {
  for (let i = 0; i < ids.length; i++) {
    if ((ids[i] >= 0 && ids[i] < vocab) || ids[i] === except) continue;
    throw new UserError(
      `Token id ${
        ids[i]
      } at position ${i} is outside the vocabulary of ${vocab} words; give data of this model's tokenizer`,
    );
  }
}
