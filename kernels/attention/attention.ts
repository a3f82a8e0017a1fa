import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { lookFirst } from "../products/scales.ts";
import { attentionChoice } from "./attention_choice.ts";
import { attentionDelta } from "./attention_delta.ts";
import { type AttentionOptions, emitAttention } from "./attention_emit.ts";
import { type Inputs, operandsOf, unseen, writtenApart } from "./attention_inputs.ts";
import { type AttentionShape, groupOf } from "./attention_shape.ts";
import { onMatrices } from "./attention_variant.ts";

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
  if (scaling) lookFirst(builder, unseen(qkv), scaling);
  attentionForwardKernel(builder, qkv, o, logSumExp, shape, options);
}

/** Emits forward by itself, as attentionForward does, over inputs that were looked at. */
export function attentionForwardKernel(
  builder: ProgramBuilder,
  inputs: Inputs,
  o: Tensor,
  logSumExp: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const own = [{ tensor: o, access: "write" as const }, { tensor: logSumExp, access: "write" as const }];
  emitAttention(builder, "forward", shape, own, operandsOf(inputs), { o }, options);
}

/**
 * Emits dqkv (N×(C + 2K)) from dO (`d`, N×C) and what was saved: qkv, o and the exact log-sum-exp. P is recomputed. o is read first, once, by a
 * kernel of its own, and may end before dqkv begins.
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
  const dO = plain(d);
  attentionDelta(builder, dO, o, delta, shape.headSize);
  const scaling = scalingOf(shape, options);
  readably(builder, qkv, shape, options, (inputs) => {
    if (scaling) lookFirst(builder, unseen(inputs, dO), scaling);
    attentionBackwardQuery(builder, inputs, { logSumExp, delta }, dO, dqkv, shape, options);
    attentionBackwardKey(builder, inputs, { logSumExp, delta }, dO, dqkv, shape, options);
  });
}

/**
 * Emits `work` over what backward reads of qkv (N×3C). Its kernels read q, k and v once for each block of own rows, and on subgroup matrices
 * what is stored in fewer bits costs them more than to write it out (docs/runtime.md): so it is, where that raises no peak. Kernels in f32,
 * bound by workgroup memory, read it in place.
 */
function readably(
  builder: ProgramBuilder,
  qkv: Operand,
  shape: AttentionShape,
  { variants }: AttentionOptions,
  work: (inputs: Inputs) => void,
): void {
  const { rows, cols } = qkv.tensor;
  const [width, bytes] = [cols / 3, 4 * rows * cols];
  const dear = qkv.cost !== "none" &&
    onMatrices(variants?.backward_query ?? attentionChoice(builder, "backward_query", shape));
  if (!dear || width % 4 !== 0 || bytes > builder.limits.maxStorageBufferBindingSize) return work(qkv);
  builder.withRoom(bytes, (has) => work(has ? writtenApart(builder, qkv) : qkv));
}

/** Heads that share keys are in f32, and scale nothing. */
const scalingOf = (shape: AttentionShape, { scaling }: AttentionOptions) =>
  groupOf(shape) === 1 ? scaling : undefined;

/** What backward knows of each row and head (N×H, stride H): the log-sum-exp, and delta = rowsum(dO ∘ o). */
export interface RowStatistics {
  readonly logSumExp: Tensor;
  readonly delta: Tensor;
}

/** Emits dq into dqkv (N×(C + 2K)), from dO (`d`, N×C). */
export function attentionBackwardQuery(
  builder: ProgramBuilder,
  inputs: Inputs,
  statistics: RowStatistics,
  d: Operand,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const own = [...statisticsOf(statistics), { tensor: dqkv, access: "write" as const }];
  const operands = { ...operandsOf(inputs), d };
  emitAttention(builder, "backward_query", shape, own, operands, { dqkv }, options);
}

/** Emits dk and dv beside the dq in dqkv (N×(C + 2K)), and rows' padding, from dO (`d`, N×C). */
export function attentionBackwardKey(
  builder: ProgramBuilder,
  inputs: Inputs,
  statistics: RowStatistics,
  d: Operand,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const own = [...statisticsOf(statistics), { tensor: dqkv, access: "update" as const }];
  const operands = { ...operandsOf(inputs), d };
  emitAttention(builder, "backward_key", shape, own, operands, { dqkv }, options);
}

const statisticsOf = ({ logSumExp, delta }: RowStatistics) =>
  [logSumExp, delta].map((tensor) => ({ tensor, access: "read" as const }));
