import { UserError } from "../../src/errors.ts";
import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { rowWindows, type Window } from "../../src/gpu/limits.ts";
import { type Operand, plain } from "../../src/gpu/operand.ts";
import { inWindows } from "../../src/gpu/operand_windows.ts";
import { padded, rowBytes, type Tensor } from "../../src/gpu/tensor.ts";
import { lookFirst, type Scaling, scalingBindings } from "../products/scales.ts";
import { remembered } from "../shared/remembered.ts";
import { attentionBackwardKeyText, attentionBackwardQueryText } from "./attention_backward_template.ts";
import { cutBlocks } from "./attention_cut.ts";
import { attentionDelta } from "./attention_delta.ts";
import { attentionForwardText } from "./attention_forward_template.ts";
import { attentionMatrixKeyText, attentionMatrixQueryText } from "./attention_matrix_backward.ts";
import { attentionMatrixForwardText } from "./attention_matrix_forward.ts";
import type { Observing } from "./attention_matrix_scales.ts";
import {
  type AttentionMatrixVariant,
  attentionMatrixVariants,
  type MatrixAdapter,
} from "./attention_matrix_variant.ts";
import { alignedRow, type Reach, reaches, rowsAnywhere } from "./attention_reach.ts";
import type { AttentionRows } from "./attention_template.ts";
import { type AttentionVariant, attentionVariantName, onMatrices, ownBlock } from "./attention_variant.ts";

/**
 * What attention works on: `batch` sequences of `sequence` tokens. C = heads · headSize channels of queries and outputs, K = keyHeads · headSize
 * of keys and of values: as many as there are heads if left out, or a divisor of them, each then read by so many neighbouring heads.
 */
export interface AttentionShape {
  readonly batch: number;
  readonly sequence: number;
  readonly heads: number;
  readonly keyHeads?: number;
  readonly headSize: number;
  readonly causal: boolean;
}

/** The kernels of attention that exist in variants. */
export type AttentionKernel = "forward" | "backward_query" | "backward_key";

/** Matrix products of each kernel. */
const products: Record<AttentionKernel, number> = { forward: 2, backward_query: 3, backward_key: 4 };

/** How often each kernel looks at rows of C numbers, its operands, and at what it makes of scores, for the next step's scales. */
const looks: Record<AttentionKernel, { rows: number; scores: number }> = {
  forward: { rows: 3, scores: 0 },
  backward_query: { rows: 2, scores: 0 },
  backward_key: { rows: 2, scores: 2 },
};

/** What a workgroup's own rows are. */
const ownRows = { forward: "queries", backward_query: "queries", backward_key: "keys" } as const;

/** Vectors of each of its rows that a GPU's thread holds: more would leave too few threads for the registers there are. */
const vectorsPerThread = 8;

/** Rows of a workgroup that a GPU may take, the best ones first where they waste equally little of a sequence. */
const blocks = [64, 96, 112, 80, 48];

/** How a thread works. */
interface Way extends Pick<AttentionRows, "rows" | "tile" | "unroll"> {
  /** Into how many parts rows are split beyond what registers ask for. */
  readonly further: number;
}

/** What a tuning run tries on a GPU. */
const ways: readonly Way[] = [
  { further: 1, rows: 1, tile: 32, unroll: 8 },
  { further: 1, rows: 1, tile: 32, unroll: 4 },
  { further: 1, rows: 1, tile: 16, unroll: 8 },
  { further: 1, rows: 1, tile: 16, unroll: 4 },
  { further: 1, rows: 2, tile: 32, unroll: 2 },
  { further: 2, rows: 1, tile: 32, unroll: 4 },
  { further: 2, rows: 2, tile: 16, unroll: 4 },
];

/** What it tries in small blocks, which are for few sequences and heads: these leave processors idle. */
const smallBlock = 32;
const waysInSmallBlocks: readonly Way[] = [
  { further: 1, rows: 1, tile: 32, unroll: 4 },
  { further: 1, rows: 1, tile: 16, unroll: 8 },
];

/** Query heads that share a key head. */
const groupOf = ({ heads, keyHeads = heads }: Pick<AttentionShape, "heads" | "keyHeads">) => heads / keyHeads;

/** Columns of queries, keys and values side by side: C + 2K. */
export const qkvColumns = (
  { heads, keyHeads = heads, headSize }: Omit<AttentionShape, "batch" | "sequence" | "causal">,
) => (heads + 2 * keyHeads) * headSize;

/** The sizes that decide on a variant. */
type VariantShape =
  & Pick<AttentionShape, "headSize" | "causal" | "sequence">
  & Partial<Pick<AttentionShape, "heads" | "keyHeads">>;

/** What decides on a variant besides the shape. */
type Adapter = MatrixAdapter & Pick<ProgramBuilder, "subgroupSize">;

/**
 * Variants for a shape, the best first, by experience: what a tuning run measures, and of which the first is taken without. On a GPU rows
 * are split until a thread's part fits its registers, and blocks of rows leave little of the last one empty. A software adapter loads
 * lane by lane, so there a thread takes more rows for each load, as many as compile in reasonable time. Where products are of halves, those
 * on subgroup matrices, if there are any; none of these knows heads that share keys.
 */
export function attentionVariants(
  kernel: AttentionKernel,
  shape: VariantShape,
  adapter: Adapter,
): AttentionVariant[] {
  const { heads = 1, keyHeads = heads } = shape;
  const group = groupOf({ heads, keyHeads });
  if (group > 1) return threadVariants(kernel, shape, adapter).map((v) => ({ ...v, group }));
  const matrices = attentionMatrixVariants(kernel, shape, adapter);
  return matrices.length > 0 ? matrices : threadVariants(kernel, shape, adapter);
}

/** Those in f32. */
function threadVariants(
  kernel: AttentionKernel,
  { headSize, causal, sequence }: VariantShape,
  { adapterClass, subgroupSize }: Adapter,
): AttentionRows[] {
  const head = Math.ceil(headSize / 4);
  if (adapterClass === "software") {
    const rows = headSize % 4 === 0 ? Math.max(1, Math.min(4, Math.floor(32 / head))) : 1;
    return [{ headSize, causal, threads: 16, split: 1, shuffle: false, rows, tile: 16, unroll: 1 }];
  }
  let split = 1;
  while (head / split > vectorsPerThread) split *= 2;
  const covered = (rows: number) => Math.ceil(sequence / rows) * rows;
  const possible = blocks.filter((rows) => rows * split <= 256 && rows * split % 32 === 0)
    .toSorted((a, b) => covered(a) - covered(b));
  const [tile, unroll] = [head <= 16 ? 32 : 16, kernel === "forward" ? 8 : 4];
  const variant = (block: number, { further, rows, tile, unroll }: Way): AttentionRows => ({
    headSize,
    causal,
    rows,
    tile,
    unroll,
    split: split * further,
    threads: block * split * Math.max(1, further / rows),
    shuffle: subgroupSize >= split * further,
  });
  const first = variant(possible[0], { further: 1, rows: 1, tile, unroll });
  const others = [
    ...[...new Set([possible[0], blocks[0]])].flatMap((block) => ways.map((way) => variant(block, way))),
    ...waysInSmallBlocks.map((way) => variant(smallBlock, way)),
  ].filter(({ tile, threads }) => (head <= 16 || tile <= 16) && threads <= 256);
  return [first, ...others.filter((v) => attentionVariantName(v) !== attentionVariantName(first))];
}

/** What a kernel of attention is called in variants' files. */
export const attentionKey = (kernel: AttentionKernel, s: AttentionShape) => {
  const heads = groupOf(s) === 1 ? s.heads : `${s.heads}:${s.keyHeads}`;
  return `attention_${kernel}${s.causal ? " causal" : ""} ${s.batch}×${heads}×${s.sequence}×${s.headSize}`;
};

const keyForm = new RegExp(
  "^attention_(?<kernel>forward|backward_query|backward_key)(?<causal> causal)? " +
    "(?<batch>\\d+)×(?<heads>\\d+)(:(?<keyHeads>\\d+))?×(?<sequence>\\d+)×(?<headSize>\\d+)$",
);

/** The kernel and shape of such a key; undefined if it is another kernel's. */
export function parseAttentionKey(
  key: string,
): { kernel: AttentionKernel; shape: AttentionShape } | undefined {
  const { kernel, causal, keyHeads, ...sizes } = key.match(keyForm)?.groups ?? {};
  if (!kernel) return undefined;
  const [batch, heads, sequence, headSize] = [sizes.batch, sizes.heads, sizes.sequence, sizes.headSize].map(
    Number,
  );
  const shape = {
    ...{ batch, heads, sequence, headSize, causal: causal !== undefined },
    ...keyHeads !== undefined && { keyHeads: Number(keyHeads) },
  };
  return { kernel: kernel as AttentionKernel, shape };
}

/** The variant that the builder's variants name, else the first. Throws a UserError for a name it does not know. */
function variantFor(
  builder: ProgramBuilder,
  kernel: AttentionKernel,
  shape: AttentionShape,
): AttentionVariant {
  const known = attentionVariants(kernel, shape, builder);
  const key = attentionKey(kernel, shape);
  const name = builder.variantFor(key, attentionVariantName(known[0]));
  const variant = known.find((v) => attentionVariantName(v) === name);
  if (variant) return variant;
  throw new UserError(
    `No variant "${name}" of "${key}" on this adapter: take one of ${
      known.map(attentionVariantName).join(", ")
    }, or leave it out`,
  );
}

const matrixTexts: Record<AttentionKernel, (v: AttentionMatrixVariant, scaling?: Observing) => string> = {
  forward: remembered(attentionMatrixForwardText),
  backward_query: remembered(attentionMatrixQueryText),
  backward_key: remembered(attentionMatrixKeyText),
};
const rowTexts: Record<AttentionKernel, (v: AttentionRows) => string> = {
  forward: remembered(attentionForwardText),
  backward_query: remembered(attentionBackwardQueryText),
  backward_key: remembered(attentionBackwardKeyText),
};
const textOf = (kernel: AttentionKernel, v: AttentionVariant, scaling: Observing) =>
  onMatrices(v) ? matrixTexts[kernel](v, scaling) : rowTexts[kernel](v);

/** Floating-point operations for each pair of a query and a key, over all heads and sequences. */
const flopsPerPair = (
  kernel: AttentionKernel,
  { batch, heads, headSize }: Omit<AttentionShape, "causal" | "sequence">,
) => 2 * products[kernel] * headSize * heads * batch;

/** Floating-point operations of a kernel. */
export function attentionFlops(kernel: AttentionKernel, shape: AttentionShape): number {
  const { sequence, causal } = shape;
  return flopsPerPair(kernel, shape) * sequence * (causal ? (sequence + 1) / 2 : sequence);
}

interface Part {
  readonly qkv: Operand;
  readonly o: Tensor;
  readonly d: Tensor;
  readonly dqkv: Tensor;
}

interface Own {
  readonly tensor: Tensor;
  readonly access: "read" | "write" | "update";
}

/**
 * Emits one of the kernels over windows of whole sequences and, where not even one can be bound at once, over each sequence with what it reads
 * bound in several windows; and over ranges of their blocks of rows where all of them would be too much to write or for one dispatch. `own` are
 * its bindings of group 0, operands those of groups 1 and on.
 */
function emit(
  builder: ProgramBuilder,
  kernel: AttentionKernel,
  shape: AttentionShape,
  own: readonly Own[],
  operands: Record<string, Operand>,
  strides: Partial<Part>,
  { variants, scaling: asked }: AttentionOptions,
): void {
  const variant = variants?.[kernel] ?? variantFor(builder, kernel, shape);
  const { sequence, heads, keyHeads = heads } = shape;
  const ownHeads = ownRows[kernel] === "keys" ? keyHeads : heads;
  const block = ownBlock(variant);
  const { scales } = builder;
  const scaling = onMatrices(variant) ? asked : undefined;
  const observing = scales && scaling && { observes: scaling.observes };
  const written = own.filter(({ access }) => access !== "read").map(({ tensor }) => tensor);
  const tensors = [...Object.values(operands).map((x) => x.tensor), ...own.map(({ tensor }) => tensor)];
  for (const reach of reaches(builder, tensors, sequence)) {
    const { rows, start, sequences, whole } = reach;
    const read = Object.entries(operands).map(([name, x], i) => {
      const bound = inWindows(x, rowsOfReach(builder, x, reach));
      return { code: bound.code(name, i + 1), bindings: bound.bindings(i + 1) };
    });
    const code = read.map(({ code }) => code).join("") + textOf(kernel, variant, observing);
    const flops = flopsPerPair(kernel, { ...shape, batch: sequences });
    const most = builder.flopsPerDispatch / flops;
    const mostBlocks = whole ? Infinity : Math.floor(rowsAnywhere(builder, written) / block);
    if (mostBlocks < 1) refuseToBind(builder, shape);
    for (const { first, blocks, pairs } of cutBlocks(ownRows[kernel], shape, block, most, mostBlocks)) {
      const writtenFrom = whole ? 0 : alignedRow(start + first * block);
      const writtenTo = whole ? rows.rows : Math.min(start + (first + blocks) * block, rows.rows);
      const bindings = [
        ...own.map(({ tensor, access }, i) => ({
          group: 0,
          index: i + 1 + (observing && i > 1 ? 2 : 0), // after the scales'
          tensor,
          access,
          ...access === "read" ? rows : { first: rows.first + writtenFrom, rows: writtenTo - writtenFrom },
        })),
        ...scales && scaling ? scalingBindings(scales, scaling) : [],
        ...read.flatMap(({ bindings }) => bindings),
      ];
      if (bindings.length > builder.limits.maxStorageBuffersPerShaderStage) refuseToBind(builder, shape);
      builder.dispatch({
        kernel: { label: `attention_${kernel}`, variant: attentionVariantName(variant), code },
        bindings,
        parameters: {
          start,
          written: writtenFrom,
          sequences,
          sequence,
          heads,
          first_block: first,
          blocks,
          qkv_stride: (strides.qkv?.tensor.stride ?? 0) / 4,
          o_stride: (strides.o?.stride ?? 0) / 4,
          d_stride: (strides.d?.stride ?? 0) / 4,
          dqkv_stride: (strides.dqkv?.stride ?? 0) / 4,
        },
        workgroups: sequences * ownHeads * blocks,
        flops: flops * pairs,
        ...observing?.observes && {
          looksAt: (first === 0 ? looks[kernel].rows * sequences * sequence * heads * shape.headSize : 0) +
            looks[kernel].scores * sequences * heads * pairs,
        },
      });
    }
  }
}

/** The windows in which an operand's rows are bound. */
function rowsOfReach(
  { limits }: ProgramBuilder,
  { tensor, unit }: Operand,
  { rows, whole }: Reach,
): Window[] {
  if (whole) return [rows];
  return rowWindows(limits, rows.rows, rowBytes(tensor), unit).map((window) => ({
    first: rows.first + window.first,
    rows: window.rows,
  }));
}

/** Throws an OutOfMemoryError: a sequence has more bytes than a kernel's bindings can have together. */
function refuseToBind({ limits }: ProgramBuilder, shape: AttentionShape): never {
  const { maxStorageBuffersPerShaderStage: buffers, maxStorageBufferBindingSize: binding } = limits;
  throw new OutOfMemoryError(
    `Attention over a sequence of ${shape.sequence} tokens exceeds the binding limits, ${buffers} storage buffers of ` +
      `${binding} bytes`,
    shape.sequence * padded(qkvColumns(shape)) * 4,
  );
}

/** Options of attention. */
export interface AttentionOptions {
  readonly variants?: Partial<Record<AttentionKernel, AttentionVariant>>;
  /** How operands come within the range of halves, where the builder has scales; else they are taken to be of order one. */
  readonly scaling?: Scaling;
}

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
  emit(builder, "forward", shape, own, { qkv }, { qkv, o }, options);
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
  emit(builder, "backward_query", shape, own, { qkv, d: plain(d) }, { qkv, d, dqkv }, options);
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
  emit(builder, "backward_key", shape, own, { qkv, d: plain(d) }, { qkv, d, dqkv }, options);
}

const statisticsOf = ({ logSumExp, delta }: RowStatistics) =>
  [logSumExp, delta].map((tensor) => ({ tensor, access: "read" as const }));
