import { type Chunk, crossEntropy, meanLoss } from "../../kernels/loss/cross_entropy.ts";
import { cheapToRead } from "../../kernels/shared/materialize.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import { type Operand, plain, rowsOf } from "../gpu/operand.ts";
import { padded, rowBytes, type Tensor } from "../gpu/tensor.ts";
import type { Parameter } from "./parameters.ts";
import type { Tape } from "./tape.ts";

/** What the head compares with, and where its results go. */
export interface HeadTensors {
  /** N×1 in i32; −100 is ignored. */
  readonly targets: Tensor;
  /** One mean loss a step. */
  readonly lossRing: Tensor;
}

/**
 * Emits logits = x·Eᵀ (E: V×C, the word embedding), the mean cross-entropy over valid targets, and with `dx` (N×C) the gradients of x and of
 * E. The batch is cut into chunks of `chunkTokens` rows (a multiple of 64), each taken through forward and backward before the next, so
 * that no more logits exist at once. x is read exactly: it is still at hand.
 */
export function tiedHead(
  tape: Tape,
  x: Operand,
  words: Parameter,
  { targets, lossRing }: HeadTensors,
  chunkTokens: number,
  dx?: Tensor,
): void {
  const { builder } = tape;
  const readable = builder.within({ pass: "forward" }, () => cheapToRead(builder, x));
  const { rows } = x.tensor;
  const losses = builder.tensor("losses", rows, 1, { category: "head", stride: 1 });
  for (let first = 0; first < rows; first += chunkTokens) {
    const chunk: Chunk = { first, rows: Math.min(chunkTokens, rows - first) };
    const logits = builder.tensor("logits", chunk.rows, words.rows, { category: "head" });
    const part = rowsOf(readable, chunk.first, chunk.rows);
    builder.within({ pass: "forward" }, () => {
      matmul(builder, "nt", part, plain(words.value), logits);
      crossEntropy(builder, logits, targets, losses, chunk, dx !== undefined);
    });
    if (!dx) continue;
    builder.within({ pass: "backward" }, () => {
      // The words first: what their product needs can give its memory to dx.
      matmul(builder, "tn", plain(logits), part, words.gradient, { accumulate: tape.adds(words) });
      matmul(builder, "nn", plain(logits), plain(words.value), dx, { firstRow: chunk.first });
    });
  }
  builder.within({ pass: "forward" }, () => meanLoss(builder, losses, lossRing));
}

/** Rows of logits below which the head's products are slow on a GPU, whatever memory that takes. */
const leastRows = 512;

/**
 * Rows of logits at once, unless told otherwise: as many as fit into the memory that the backward of the widest layer needs anyway
 * (4C numbers a token), so that the head adds nothing to the peak; at least 512; within the binding limit; whole tiles of 128.
 */
export function headChunk(
  builder: { limits: { maxStorageBufferBindingSize: number } },
  x: Tensor,
  vocab: number,
): number {
  const logitsRow = padded(vocab) * 4;
  const free = Math.max(leastRows, 4 * rowBytes(x) * x.rows / logitsRow);
  const rows = Math.min(free, builder.limits.maxStorageBufferBindingSize / logitsRow);
  if (rows >= x.rows) return Math.ceil(x.rows / 64) * 64;
  const tile = rows >= 128 ? 128 : 64;
  return Math.max(64, Math.floor(rows / tile) * tile);
}
