import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { lookFirst } from "../products/scales.ts";
import { attentionDelta } from "./attention_delta.ts";
import { type AttentionOptions, emitAttention } from "./attention_emit.ts";
import { type AttentionShape, groupOf } from "./attention_shape.ts";

/**
 * Emits o (N×C) = softmax(q·kᵀ / √headSize)·v by head, and the log-sum-exp of each row and head (N×H, stride H). `qkv` is N×(C + 2K): q, k
 * and v side by side, heads in order within each.
 */
export function attentionForward(
  builder: ProgramBuilder,
  qkv: Operand,
  o: Tensor,
  logSumExp: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const scaling = scalingOf(shape, options);
  if (scaling) lookFirst(builder, thirds(qkv), scaling);
  const own = [{ tensor: o, access: "write" as const }, { tensor: logSumExp, access: "write" as const }];
  emitAttention(builder, "forward", shape, own, { qkv }, { qkv, o }, options);
}

/**
 * Emits dqkv (N×(C + 2K)) from dO (`d`, N×C) and what was saved: qkv, o and the exact log-sum-exp. P is recomputed. o is read first, by a kernel
 * of its own, and may end before dqkv begins.
 */
export function attentionBackward(
  builder: ProgramBuilder,
  qkv: Operand,
  o: Operand,
  logSumExp: Tensor,
  d: Tensor,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const { rows, cols, stride } = logSumExp;
  const delta = builder.tensor("delta", rows, cols, { category: "transient", stride });
  attentionDelta(builder, plain(d), o, delta, shape.headSize);
  const scaling = scalingOf(shape, options);
  if (scaling) lookFirst(builder, [...thirds(qkv), { x: plain(d) }], scaling);
  attentionBackwardQuery(builder, qkv, { logSumExp, delta }, d, dqkv, shape, options);
  attentionBackwardKey(builder, qkv, { logSumExp, delta }, d, dqkv, shape, options);
}

/** Heads that share keys are in f32, and scale nothing. */
const scalingOf = (shape: AttentionShape, { scaling }: AttentionOptions) =>
  groupOf(shape) === 1 ? scaling : undefined;

/** q, k and v, side by side. */
const thirds = (qkv: Operand) =>
  [0, 1, 2].map((i) => ({ x: qkv, columns: [i, i + 1].map((part) => part * qkv.tensor.cols / 3) }));

/** What backward knows of each row and head (N×H, stride H): the log-sum-exp, and delta = rowsum(dO ∘ o). */
export interface RowStatistics {
  readonly logSumExp: Tensor;
  readonly delta: Tensor;
}

/** Emits dq into dqkv (N×(C + 2K)), from dO (`d`, N×C). */
export function attentionBackwardQuery(
  builder: ProgramBuilder,
  qkv: Operand,
  statistics: RowStatistics,
  d: Tensor,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const own = [...statisticsOf(statistics), { tensor: dqkv, access: "write" as const }];
  emitAttention(builder, "backward_query", shape, own, { qkv, d: plain(d) }, { qkv, d, dqkv }, options);
}

/** Emits dk and dv beside the dq in dqkv (N×(C + 2K)), and rows' padding, from dO (`d`, N×C). */
export function attentionBackwardKey(
  builder: ProgramBuilder,
  qkv: Operand,
  statistics: RowStatistics,
  d: Tensor,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const own = [...statisticsOf(statistics), { tensor: dqkv, access: "update" as const }];
  emitAttention(builder, "backward_key", shape, own, { qkv, d: plain(d) }, { qkv, d, dqkv }, options);
}

const statisticsOf = ({ logSumExp, delta }: RowStatistics) =>
  [logSumExp, delta].map((tensor) => ({ tensor, access: "read" as const }));
