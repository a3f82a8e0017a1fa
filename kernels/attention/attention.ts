import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain } from "../../src/gpu/operand.ts";
import { type Tensor, tensorBytes } from "../../src/gpu/tensor.ts";
import { halvesEach } from "../products/matmul_variant.ts";
import { halvesFor, inHalves, takesHalves } from "../products/scaled_halves.ts";
import { lookFirst } from "../products/scales.ts";
import { attentionVariants } from "./attention_choice.ts";
import { attentionDelta } from "./attention_delta.ts";
import { type AttentionOptions, emitAttention } from "./attention_emit.ts";
import { columnsOf, type Inputs, operandsOf, unseen, writtenApart } from "./attention_inputs.ts";
import { indexOf } from "./attention_matrix_scales.ts";
import type { AttentionKernel, AttentionShape } from "./attention_shape.ts";
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
  const { scaling } = options;
  readably(builder, "forward", qkv, shape, options, (inputs) => {
    if (scaling) lookFirst(builder, unseen(inputs, shape), scaling);
    attentionForwardKernel(builder, inputs, o, logSumExp, shape, options);
  });
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
 * Emits dqkv (N×(C + 2K)) from dO (`d`, N×C) and what was saved: qkv, o and the exact log-sum-exp. P is recomputed, and is no more than 1
 * whatever qkv was saved as. o is read first, once, by a kernel of its own, and may end before dqkv begins.
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
  attentionBackwardFrom(builder, qkv, { logSumExp, delta }, d, dqkv, shape, options);
}

/** Emits the same where delta is known already, and o is not wanted. */
export function attentionBackwardFrom(
  builder: ProgramBuilder,
  qkv: Operand,
  statistics: RowStatistics,
  d: Tensor,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const { scaling } = options;
  readably(builder, "backward", qkv, shape, options, (inputs) => {
    gradientReadably(builder, d, shape, options, (dO) => {
      if (scaling) lookFirst(builder, unseen(inputs, shape, dO), scaling);
      attentionBackwardQuery(builder, inputs, statistics, dO, dqkv, shape, options);
      attentionBackwardKey(builder, inputs, statistics, dO, dqkv, shape, options);
    });
  });
}

/** The kernels of a pass. */
const passes = { forward: ["forward"], backward: ["backward_query", "backward_key"] } as const;

/** Tokens from which on kernels read a sequence's tiles often enough to gain by halves more than these cost to write (docs/runtime.md). */
const longSequence = 2048;

/** Times the bytes that q, k and v take, which must be free: they share no buffer with what is bound beside them, and a plan would grow for them. */
const roomFor = 2;

/**
 * Emits `work` over what a pass reads of qkv (N×(C + 2K)). Its kernels read k and v, or q, once for each block of own rows, so on subgroup matrices
 * they are written out, where that raises no peak: in f16 as scaled halves, else what is stored in fewer bits, which costs more to read
 * (docs/runtime.md). Kernels in f32, bound by workgroup memory, read in place, as do all what would need several windows.
 */
function readably(
  builder: ProgramBuilder,
  pass: keyof typeof passes,
  qkv: Operand,
  shape: AttentionShape,
  options: AttentionOptions,
  work: (inputs: Inputs) => void,
): void {
  const { rows, cols } = qkv.tensor;
  const halved = halvingOf(builder, shape, options);
  const gains = qkv.cost !== "none" || (halved && shape.sequence >= longSequence);
  const each = halved ? 2 : 4;
  const possible = columnsOf(shape).every(([, width]) =>
    width % 4 === 0 && each * rows * width <= builder.limits.maxStorageBufferBindingSize
  );
  if (!gains || !possible || !areOnMatrices(builder, passes[pass], shape, options)) return work(qkv);
  builder.withRoom(
    roomFor * each * rows * cols,
    (has) => work(has ? writtenApart(builder, qkv, shape, halved) : qkv),
  );
}

/** Emits `work` over what backward reads of dO (`d`, N×C), as often as q: of long sequences it is written as halves, too, where that raises no peak. */
function gradientReadably(
  builder: ProgramBuilder,
  d: Tensor,
  shape: AttentionShape,
  options: AttentionOptions,
  work: (dO: Operand) => void,
): void {
  const halved = halvingOf(builder, shape, options);
  const halves = halvesFor(builder, { ...d, name: "output gradients" });
  const possible = tensorBytes(halves) <= builder.limits.maxStorageBufferBindingSize;
  if (
    !halved || shape.sequence < longSequence || !possible ||
    !areOnMatrices(builder, passes.backward, shape, options)
  ) return work(plain(d));
  builder.withRoom(
    tensorBytes(halves),
    (has) => work(has ? inHalves(builder, plain(d), halves, halved, indexOf("d")) : plain(d)),
  );
}

/** How operands are scaled if they can be written as halves: where heads begin with whole elements of these. */
const halvingOf = (builder: ProgramBuilder, { headSize }: AttentionShape, { scaling }: AttentionOptions) =>
  takesHalves(builder) && headSize % halvesEach === 0 ? scaling : undefined;

/** Whether all of these kernels are on subgroup matrices. */
const areOnMatrices = (
  builder: ProgramBuilder,
  kernels: readonly AttentionKernel[],
  shape: AttentionShape,
  { variants }: AttentionOptions,
) =>
  kernels.every((kernel) => onMatrices(variants?.[kernel] ?? attentionVariants(kernel, shape, builder)[0]));

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
