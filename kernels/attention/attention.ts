import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, readColumns } from "../../src/gpu/operand.ts";
import { sharingGroup } from "../../src/gpu/operand_windows.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { type Looked, lookFirst } from "../products/scales.ts";
import { materialize } from "../shared/materialize.ts";
import { attentionChoice } from "./attention_choice.ts";
import { attentionDelta } from "./attention_delta.ts";
import { type AttentionOptions, emitAttention } from "./attention_emit.ts";
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
  const { scaling } = options;
  if (scaling) lookFirst(builder, sides(qkv, shape), scaling);
  const own = [{ tensor: o, access: "write" as const }, { tensor: logSumExp, access: "write" as const }];
  emitAttention(builder, "forward", shape, own, { qkv }, { o }, options);
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
  readably(builder, qkv, shape, options, (inputs) => {
    if (scaling) lookFirst(builder, [...sides(inputs, shape), { x: plain(d) }], scaling);
    attentionBackwardQuery(builder, inputs, statistics, d, dqkv, shape, options);
    attentionBackwardKey(builder, inputs, statistics, d, dqkv, shape, options);
  });
}

/** q, k and v side by side, or each in a tensor of its own. */
type Inputs = Operand | Readonly<Record<"q" | "k" | "v", Operand>>;

/**
 * Emits `work` over what backward reads of qkv (N×3C). Its kernels read q, k and v once for each block of own rows, and on subgroup matrices
 * what is stored in fewer bits costs them more than to write it out (docs/runtime.md): so it is, where that raises no peak. Apart, since one
 * tensor of all three finds no place among others as large as one. Kernels in f32, bound by workgroup memory, read it in place, and so do those
 * of heads that share keys, of which q is wider than k and v.
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
  const dear = qkv.cost !== "none" && groupOf(shape) === 1 &&
    onMatrices(variants?.backward_query ?? attentionChoice(builder, "backward_query", shape));
  if (!dear || width % 4 !== 0 || bytes > builder.limits.maxStorageBufferBindingSize) return work(qkv);
  builder.withRoom(bytes, (has) => {
    if (!has) return work(qkv);
    const written = ["queries", "keys", "values"].map((name, part) => {
      const out = builder.tensor(name, rows, width, { category: "transient" });
      materialize(builder, readColumns(qkv, part * width, width), out);
      return plain(out);
    });
    const [q, k, v] = sharingGroup(written);
    work({ q, k, v });
  });
}

/** q, k and v, one by one. */
function sides(inputs: Inputs, { heads, keyHeads = heads, headSize }: AttentionShape): Looked[] {
  if (!isOperand(inputs)) return Object.values(inputs).map((x) => ({ x }));
  const ends = [0, heads, heads + keyHeads, heads + 2 * keyHeads].map((each) => each * headSize);
  return [0, 1, 2].map((i) => ({ x: inputs, columns: ends.slice(i, i + 2) }));
}

const isOperand = (inputs: Inputs): inputs is Operand => "tensor" in inputs;

const operandsOf = (inputs: Inputs) => isOperand(inputs) ? { qkv: inputs } : inputs;

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
  d: Tensor,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const own = [...statisticsOf(statistics), { tensor: dqkv, access: "write" as const }];
  const operands = { ...operandsOf(inputs), d: plain(d) };
  emitAttention(builder, "backward_query", shape, own, operands, { d, dqkv }, options);
}

/** Emits dk and dv beside the dq in dqkv (N×(C + 2K)), and rows' padding, from dO (`d`, N×C). */
export function attentionBackwardKey(
  builder: ProgramBuilder,
  inputs: Inputs,
  statistics: RowStatistics,
  d: Tensor,
  dqkv: Tensor,
  shape: AttentionShape,
  options: AttentionOptions = {},
): void {
  const own = [...statisticsOf(statistics), { tensor: dqkv, access: "update" as const }];
  const operands = { ...operandsOf(inputs), d: plain(d) };
  emitAttention(builder, "backward_key", shape, own, operands, { d, dqkv }, options);
}

const statisticsOf = ({ logSumExp, delta }: RowStatistics) =>
  [logSumExp, delta].map((tensor) => ({ tensor, access: "read" as const }));
