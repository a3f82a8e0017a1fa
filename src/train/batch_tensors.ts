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

/**
 * Sorts the rows of a batch by token (a counting sort, so equal tokens stay in order) and counts the valid targets. Throws a UserError that
 * names the first id outside the vocabulary.
 */
export function packBatch({ inputs, targets }: Batch, vocab: number): PackedBatch {
  const starts = new Uint32Array(vocab + 1);
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i] >= vocab) throw outside(inputs[i], i, vocab);
    starts[inputs[i] + 1]++;
  }
  for (let w = 0; w < vocab; w++) starts[w + 1] += starts[w];
  const order = new Uint32Array(inputs.length);
  const next = starts.slice();
  inputs.forEach((word, row) => order[next[word]++] = row);
  let valid = 0;
  targets.forEach((word, i) => {
    if (word === -100) return;
    if (word < 0 || word >= vocab) throw outside(word, i, vocab);
    valid++;
  });
  return { tokens: inputs, order, starts, targets, inverseValid: valid > 0 ? 1 / valid : 0 };
}

function outside(word: number, position: number, vocab: number): UserError {
  return new UserError(
    `Token id ${word} at position ${position} is outside the vocabulary of ${vocab} words; give data of this model's tokenizer`,
  );
}
