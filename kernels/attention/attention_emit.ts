import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { rowWindows, type Window } from "../../src/gpu/limits.ts";
import type { Operand } from "../../src/gpu/operand.ts";
import { inWindows } from "../../src/gpu/operand_windows.ts";
import { padded, rowBytes, type Tensor } from "../../src/gpu/tensor.ts";
import { type Scaling, scalingBindings } from "../products/scales.ts";
import { remembered } from "../shared/remembered.ts";
import { attentionBackwardKeyText, attentionBackwardQueryText } from "./attention_backward_template.ts";
import { attentionChoice } from "./attention_choice.ts";
import { cutBlocks, headsAbreast } from "./attention_cut.ts";
import { attentionForwardText } from "./attention_forward_template.ts";
import { attentionMatrixKeyText, attentionMatrixQueryText } from "./attention_matrix_backward.ts";
import { attentionMatrixForwardText } from "./attention_matrix_forward.ts";
import { looksAt, type Observing } from "./attention_matrix_scales.ts";
import type { AttentionMatrixVariant } from "./attention_matrix_variant.ts";
import { alignedRow, type Reach, reaches, rowsAnywhere } from "./attention_reach.ts";
import {
  type AttentionKernel,
  type AttentionShape,
  flopsPerPair,
  type HalvedInputs,
  qkvColumns,
} from "./attention_shape.ts";
import type { AttentionRows } from "./attention_template.ts";
import { type AttentionVariant, attentionVariantName, onMatrices, ownBlock } from "./attention_variant.ts";

/** Options of attention. */
export interface AttentionOptions {
  readonly variants?: Partial<Record<AttentionKernel, AttentionVariant>>;
  /** How operands come within the range of halves, where the builder has scales; else they are taken to be of order one. */
  readonly scaling?: Scaling;
}

/** How many numbers of a row of its operands a kernel looks at, and how often at what it makes of scores, for the next step's scales. */
function looksOf(
  kernel: AttentionKernel,
  halved: HalvedInputs,
  { heads, keyHeads = heads, headSize }: AttentionShape,
): { columns: number; scores: number } {
  const headsOf = { q: heads, d: heads, k: keyHeads, v: keyHeads, p: 0, ds: 0 };
  const all = looksAt(kernel, halved);
  return {
    columns: headSize * all.reduce((sum, x) => sum + headsOf[x], 0),
    scores: all.filter((x) => headsOf[x] === 0).length,
  };
}

/** Bytes of the two numbers that a kernel reads over and over, of each channel and row: of keys and values, or of queries and dO. */
function bytesPerChannel(kernel: AttentionKernel, { qkv, d }: HalvedInputs): number {
  const [one, other] = [qkv, kernel === "backward_key" ? d : qkv].map((halved) => halved ? 2 : 4);
  return one + other;
}

/** What a workgroup's own rows are. */
const ownRows = { forward: "queries", backward_query: "queries", backward_key: "keys" } as const;

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
const textOf = (
  kernel: AttentionKernel,
  v: AttentionVariant,
  inputs: Pick<AttentionMatrixVariant, "apart" | "halved">,
  scaling: Observing,
) => onMatrices(v) ? matrixTexts[kernel]({ ...v, ...inputs }, scaling) : rowTexts[kernel](v);

interface Part {
  readonly o: Tensor;
  readonly dqkv: Tensor;
}

interface Own {
  readonly tensor: Tensor;
  readonly access: "read" | "write" | "update";
}

/**
 * Emits one of the kernels over windows of whole sequences and, where not even one can be bound at once, over each sequence with what it reads
 * bound in several windows; and over ranges of their blocks of rows where all of them would be too much to write or for one dispatch. `own` are
 * its bindings of group 0, operands those of group 1, `d` of group 2: on matrices q, k and v may be operands of their own.
 */
export function emitAttention(
  builder: ProgramBuilder,
  kernel: AttentionKernel,
  shape: AttentionShape,
  own: readonly Own[],
  operands: Record<string, Operand>,
  strides: Partial<Part>,
  { variants, scaling: asked }: AttentionOptions,
): void {
  const halved = { qkv: operands.q?.scaled, d: operands.d?.scaled };
  const variant = variants?.[kernel] ?? attentionChoice(builder, kernel, shape, halved);
  const { sequence, heads, keyHeads = heads } = shape;
  const ownHeads = ownRows[kernel] === "keys" ? keyHeads : heads;
  const block = ownBlock(variant);
  const { scales } = builder;
  const scaling = onMatrices(variant) ? asked : undefined;
  const observing = scales && scaling && { observes: scaling.observes };
  if ((halved.qkv || halved.d) && !observing) throw new Error(`${kernel} has scaled operands, and no scales`);
  const inputs = { apart: operands.qkv === undefined, halved };
  const bytesRead = sequence * shape.headSize * bytesPerChannel(kernel, halved);
  const looks = looksOf(kernel, halved, shape);
  const written = own.filter(({ access }) => access !== "read").map(({ tensor }) => tensor);
  const tensors = [...Object.values(operands).map((x) => x.tensor), ...own.map(({ tensor }) => tensor)];
  for (const reach of reaches(builder, tensors, sequence)) {
    const { rows, start, sequences, whole } = reach;
    const read = Object.entries(operands).map(([name, x]) => {
      const bound = inWindows(x, rowsOfReach(builder, x, reach));
      const group = name === "d" ? 2 : 1;
      return { code: bound.code(name, group), bindings: bound.bindings(group) };
    });
    const code = read.map(({ code }) => code).join("") + textOf(kernel, variant, inputs, observing);
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
          abreast: headsAbreast(shape, sequences * ownHeads, blocks, bytesRead),
          qkv_stride: (operands.qkv ?? operands.q).tensor.stride / 4,
          o_stride: (strides.o?.stride ?? 0) / 4,
          d_stride: (operands.d?.tensor.stride ?? 0) / 4,
          dqkv_stride: (strides.dqkv?.stride ?? 0) / 4,
          kv_stride: (operands.qkv ?? operands.k).tensor.stride / 4,
        },
        workgroups: sequences * ownHeads * blocks,
        flops: flops * pairs,
        ...observing?.observes && {
          looksAt: (first === 0 ? looks.columns * sequences * sequence : 0) +
            looks.scores * sequences * heads * pairs,
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
