import { crossEntropy, meanLoss } from "../../kernels/loss/cross_entropy.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import { readable } from "../../kernels/products/scaled_halves.ts";
import { cutRows, type DeviceLimits } from "../gpu/limits.ts";
import { type Operand, plain, readRows } from "../gpu/operand.ts";
import { padded, rowsOf, type Tensor } from "../gpu/tensor.ts";
import type { MiniSequences } from "../storage/policy_document.ts";
import type { Parameter } from "./parameters.ts";
import { pieceRows } from "./mini_sequences.ts";
import type { Tape } from "./tape.ts";

/** What the head compares with, and where its results go. */
export interface HeadTensors {
  /** N×1 in i32; −100 is ignored. */
  readonly targets: Tensor;
  /** One mean loss a step. */
  readonly lossRing: Tensor;
}

/**
 * Emits logits = x·Eᵀ (E: V×C, the word embedding) and the mean cross-entropy over valid targets; returns backward, which emits the
 * gradients of E and of x (N×C), and returns the latter. Rows go through in pieces, so that no more logits exist at once: either each through
 * forward and backward before the next, and nothing is left to backward; or all through forward, and in backward each once more
 * (mini-sequences as published, Luo et al., arXiv 2407.15892). x is read exactly: it is still at hand.
 */
export function tiedHead(
  tape: Tape,
  x: Operand,
  words: Parameter,
  { targets, lossRing }: HeadTensors,
): () => Tensor {
  const { builder, training } = tape;
  const { rows, cols } = x.tensor;
  const again = training && tape.miniSequences?.head_gradients === "backward";
  const pass = <T>(name: "forward" | "recompute" | "backward", work: () => T) =>
    builder.within({ operator: "head", pass: name }, work);
  const losses = builder.tensor("losses", rows, 1, { category: "head", stride: 1 });
  const dx = tape.transient("d residual stream", rows, cols);

  /** Emits a piece's losses, and with `gradient` returns its logits' gradient. */
  const forward = (first: number, count: number, gradient: boolean, anew = false): Tensor => {
    const scaling = tape.scaling(headKey, anew ? "again" : "forward");
    const a = readable(builder, readRows(x, first, count), scaling, "a");
    const logits = builder.tensor("logits", count, words.rows, { category: "head" });
    matmul(builder, "nt", a, plain(words.value), logits, { scaling });
    crossEntropy(builder, logits, rowsOf(targets, first, count), rowsOf(losses, first, count), gradient);
    return logits;
  };
  const backward = (first: number, count: number, dLogits: Tensor): void => {
    // The words first: what their product needs can give its memory to dx.
    tape.gradients([words], ({ tensor, add }) => {
      const scaling = tape.scaling("d head words", "backward");
      const b = readable(builder, readRows(x, first, count), scaling, "b");
      matmul(builder, "tn", plain(dLogits), b, tensor, { accumulate: add, scaling });
    });
    matmul(builder, "nn", plain(dLogits), plain(words.value), rowsOf(dx, first, count), {
      scaling: tape.scaling("d head input", "backward"),
    });
  };

  const pieces = cutRows(rows, headPieceRows(tape.miniSequences ?? {}, builder, x.tensor, words.rows));
  for (const _piece of pieces) tape.uses(words);
  for (const { first, rows: count } of pieces) {
    const logits = pass("forward", () => forward(first, count, training && !again));
    if (training && !again) pass("backward", () => backward(first, count, logits));
  }
  pass("forward", () => meanLoss(builder, losses, lossRing));
  return () => {
    if (again) {
      for (const { first, rows: count } of pieces) {
        const dLogits = pass("recompute", () => forward(first, count, true, true));
        pass("backward", () => backward(first, count, dLogits));
      }
    }
    return dx;
  };
}

/** What the head's product is called where its operands are scaled. */
export const headKey = "head";

type Adapter = { readonly limits: Pick<DeviceLimits, "maxStorageBufferBindingSize"> };
type Sizes = { readonly rows: number; readonly cols: number };

/** Rows of logits below which the head's products are slow on a GPU, whatever memory that takes. */
const leastRows = 512;

/** Rows of a piece of x (N×C), as a policy says; MST's paper and its code have a rule each. */
export function headPieceRows(
  { head = "auto", mlp = "whole" }: Partial<MiniSequences>,
  adapter: Adapter,
  x: Sizes,
  vocab: number,
): number {
  if (head === "auto") return headChunk(adapter, x, vocab, mlp === "whole" ? 4 : 3);
  const pieces = { paper: Math.ceil(vocab / x.cols), code: 64 };
  return pieceRows(typeof head === "number" ? head : x.rows / pieces[head]);
}

/**
 * Rows of logits at once, unless told otherwise: as many as fit into the memory that the backward of the widest layer needs anyway
 * (`widest` times C numbers a token: 4 of the MLP, 3 of q, k and v where the MLP goes in pieces), so that the head adds nothing to the peak;
 * at least 512; within the binding limit; whole tiles of 128.
 */
function headChunk({ limits }: Adapter, x: Sizes, vocab: number, widest: number): number {
  const logitsRow = padded(vocab) * 4;
  const free = Math.max(leastRows, widest * padded(x.cols) * 4 * x.rows / logitsRow);
  const rows = Math.min(free, limits.maxStorageBufferBindingSize / logitsRow);
  if (rows >= x.rows) return Math.ceil(x.rows / 64) * 64;
  const tile = rows >= 128 ? 128 : 64;
  return Math.max(64, Math.floor(rows / tile) * tile);
}
