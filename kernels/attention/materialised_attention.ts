import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain } from "../../src/gpu/operand.ts";
import { padded, type Tensor } from "../../src/gpu/tensor.ts";
import type { AttentionShape } from "./attention_shape.ts";
import { batchedMatmul, type SharedView, type View } from "./batched_matmul.ts";
import { cheapToRead } from "../shared/materialize.ts";
import { scoreColumns, softmaxBackward } from "./softmax.ts";

/*
 * Attention with its scores S and probabilities P in memory, as Mesa (arXiv 2111.11124) measured it. S, P and their gradients are
 * N × scoreColumns(shape): for each head the sequence's keys, and zeros up to a whole vector of four. Forward is attentionScores,
 * softmaxForward, attentionOutput; a caller may save what passes between them. Where heads share keys, products read them where they are; what
 * comes back to these is added up by one product for each of a key's heads.
 */

type Matrix = Operand | Tensor;

/** Heads of keys, and how many heads share one. */
const groups = ({ heads, keyHeads = heads }: AttentionShape) => ({ keyHeads, group: heads / keyHeads });

/** All heads, or every `every`-th from `first` on. */
interface Heads {
  readonly first: number;
  readonly every: number;
}
const all: Heads = { first: 0, every: 1 };

/** Queries in qkv or its gradient, or o or its gradient, by heads. */
function queriesOf<M extends Matrix>(
  matrix: M,
  { headSize }: AttentionShape,
  { first, every } = all,
): View<M> {
  return { matrix, column: first * headSize, step: every * headSize };
}

/** Keys in qkv or its gradient, by heads; with `part` 1, values. */
function keysOf<M extends Matrix>(matrix: M, shape: AttentionShape, part: 0 | 1): SharedView<M> {
  const { heads, headSize } = shape;
  const { keyHeads, group } = groups(shape);
  return { matrix, column: (heads + part * keyHeads) * headSize, step: headSize, share: group };
}

/** Scores or probabilities by heads. */
function scoresOf<M extends Matrix>(
  matrix: M,
  { sequence }: AttentionShape,
  { first, every } = all,
): View<M> {
  return { matrix, column: first * padded(sequence), step: every * padded(sequence) };
}

/** Scores are q·kᵀ times this. */
const scaleOf = ({ headSize }: AttentionShape) => 1 / Math.sqrt(headSize);

/** Emits S = q·kᵀ / √headSize by head from qkv (N×(C + 2K)). With `causal`, what lies after the query is finite and means nothing. */
export function attentionScores(
  builder: ProgramBuilder,
  qkv: Operand,
  s: Tensor,
  shape: AttentionShape,
): void {
  const readable = cheapToRead(builder, qkv);
  const [q, k] = [queriesOf(readable, shape), keysOf(readable, shape, 0)];
  batchedMatmul(builder, "nt", q, k, scoresOf(s, shape), shape, { scale: scaleOf(shape) });
}

/** Emits o (N×C) = P·v by head. */
export function attentionOutput(
  builder: ProgramBuilder,
  p: Operand,
  qkv: Operand,
  o: Tensor,
  shape: AttentionShape,
): void {
  const v = keysOf(cheapToRead(builder, qkv), shape, 1);
  batchedMatmul(builder, "nn", scoresOf(cheapToRead(builder, p), shape), v, queriesOf(o, shape), shape);
}

/**
 * Emits dqkv (N×(C + 2K)) from dO (`d`, N×C) and what was saved: qkv, and the probabilities once for dv and once for the softmax's gradient;
 * the two may be one operand.
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
  const dO = plain(d);
  // dv first, so that what its product needs of P can give its memory to dP.
  toKeys(builder, cheapToRead(builder, pForDv), dO, dqkv, 1, shape);
  const readable = cheapToRead(builder, qkv);
  const dS = builder.tensor("attention score gradient", d.rows, scoreColumns(shape), {
    category: "transient",
  });
  batchedMatmul(builder, "nt", queriesOf(dO, shape), keysOf(readable, shape, 1), scoresOf(dS, shape), shape);
  softmaxBackward(builder, pForDs, dS, shape);
  const [dScores, scale] = [scoresOf(plain(dS), shape), scaleOf(shape)];
  batchedMatmul(builder, "nn", dScores, keysOf(readable, shape, 0), queriesOf(dqkv, shape), shape, { scale });
  toKeys(builder, plain(dS), readable, dqkv, 0, shape, scale);
}

/** Emits scale · scoresᵀ · x into dqkv's keys, or with `part` 1 its values, summed over the heads that share each; x is by heads as queries are. */
function toKeys(
  builder: ProgramBuilder,
  scores: Operand,
  x: Operand,
  dqkv: Tensor,
  part: 0 | 1,
  shape: AttentionShape,
  scale = 1,
): void {
  const { keyHeads, group } = groups(shape);
  const { share: _, ...target } = keysOf(dqkv, shape, part);
  for (let first = 0; first < group; first++) {
    const heads = { first, every: group };
    const [a, b] = [scoresOf(scores, shape, heads), queriesOf(x, shape, heads)];
    const each = { ...shape, heads: keyHeads };
    batchedMatmul(builder, "tn", a, b, target, each, { scale, accumulate: first > 0 });
  }
}
