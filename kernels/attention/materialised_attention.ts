import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain } from "../../src/gpu/operand.ts";
import { padded, type Tensor } from "../../src/gpu/tensor.ts";
import type { AttentionShape } from "./attention.ts";
import { batchedMatmul, type View } from "./batched_matmul.ts";
import { cheapToRead } from "../shared/materialize.ts";
import { scoreColumns, softmaxBackward } from "./softmax.ts";

/*
 * Attention with its scores S and probabilities P in memory, as Mesa (arXiv 2111.11124) measured it. S, P and their gradients are
 * N × scoreColumns(shape): for each head the sequence's keys, and zeros up to a whole vector of four. Forward is attentionScores,
 * softmaxForward, attentionOutput; a caller may save what passes between them.
 */

type Matrix = Operand | Tensor;

/** A C-wide part of qkv or its gradient (0 is q, 1 k, 2 v), or all of o or its gradient, by heads. */
function headsOf<M extends Matrix>(matrix: M, { heads, headSize }: AttentionShape, part = 0): View<M> {
  return { matrix, column: part * heads * headSize, step: headSize };
}

/** Scores or probabilities by heads. */
function keysOf<M extends Matrix>(matrix: M, { sequence }: AttentionShape): View<M> {
  return { matrix, column: 0, step: padded(sequence) };
}

/** Scores are q·kᵀ times this. */
const scaleOf = ({ headSize }: AttentionShape) => 1 / Math.sqrt(headSize);

/** Emits S = q·kᵀ / √headSize by head from qkv (N×3C). With `causal`, what lies after the query is finite and means nothing. */
export function attentionScores(
  builder: ProgramBuilder,
  qkv: Operand,
  s: Tensor,
  shape: AttentionShape,
): void {
  const readable = cheapToRead(builder, qkv);
  const [q, k] = [headsOf(readable, shape, 0), headsOf(readable, shape, 1)];
  batchedMatmul(builder, "nt", q, k, keysOf(s, shape), shape, { scale: scaleOf(shape) });
}

/** Emits o (N×C) = P·v by head. */
export function attentionOutput(
  builder: ProgramBuilder,
  p: Operand,
  qkv: Operand,
  o: Tensor,
  shape: AttentionShape,
): void {
  const v = headsOf(cheapToRead(builder, qkv), shape, 2);
  batchedMatmul(builder, "nn", keysOf(cheapToRead(builder, p), shape), v, headsOf(o, shape), shape);
}

/**
 * Emits dqkv (N×3C) from dO (`d`, N×C) and what was saved: qkv, and the probabilities once for dv and once for the softmax's gradient; the
 * two may be one operand.
 */
export function materialisedBackward(
  builder: ProgramBuilder,
  qkv: Operand,
  pForDv: Operand,
  pForDs: Operand,
  d: Tensor,
  dqkv: Tensor,
  shape: AttentionShape,
): void {
  const dO = headsOf(plain(d), shape);
  // dv first, so that what its product needs of P can give its memory to dP.
  const p = keysOf(cheapToRead(builder, pForDv), shape);
  batchedMatmul(builder, "tn", p, dO, headsOf(dqkv, shape, 2), shape);
  const readable = cheapToRead(builder, qkv);
  const dS = builder.tensor("attention score gradient", d.rows, scoreColumns(shape), {
    category: "transient",
  });
  batchedMatmul(builder, "nt", dO, headsOf(readable, shape, 2), keysOf(dS, shape), shape);
  softmaxBackward(builder, pForDs, dS, shape);
  const [q, k] = [headsOf(readable, shape, 0), headsOf(readable, shape, 1)];
  const dScores = keysOf(plain(dS), shape);
  const scale = scaleOf(shape);
  batchedMatmul(builder, "nn", dScores, k, headsOf(dqkv, shape, 0), shape, { scale });
  batchedMatmul(builder, "tn", dScores, q, headsOf(dqkv, shape, 1), shape, { scale });
}
