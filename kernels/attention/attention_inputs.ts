/** How q, k and v come to the kernels of attention: side by side in one tensor, or apart, as numbers or as scaled halves. */

import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, readColumns } from "../../src/gpu/operand.ts";
import { sharingGroup } from "../../src/gpu/operand_windows.ts";
import { halvesFor, inHalves } from "../products/scaled_halves.ts";
import type { Looked, Scaling } from "../products/scales.ts";
import { materialize } from "../shared/materialize.ts";
import { indexOf } from "./attention_matrix_scales.ts";
import type { AttentionShape } from "./attention_shape.ts";

/** q, k and v side by side, or each in a tensor of its own. */
export type Inputs = Operand | Readonly<Record<"q" | "k" | "v", Operand>>;

const isOperand = (inputs: Inputs): inputs is Operand => "tensor" in inputs;

/** The same by the names that kernels have for them. */
export const operandsOf = (inputs: Inputs): Record<string, Operand> =>
  isOperand(inputs) ? { qkv: inputs } : { ...inputs };

/** Columns of q, k and v in qkv: the first of each, and how many. */
export function columnsOf({ heads, keyHeads = heads, headSize }: AttentionShape) {
  const [width, keyWidth] = [heads * headSize, keyHeads * headSize];
  return [[0, width], [width, keyWidth], [width + keyWidth, keyWidth]] as const;
}

/** What of q, k and v, and dO (`d`), is still to be looked at before the first step: halves were, where they were written. */
export function unseen(inputs: Inputs, shape: AttentionShape, d?: Operand): Looked[] {
  const three = isOperand(inputs)
    ? columnsOf(shape).map(([first, width], operand) => ({
      x: inputs,
      columns: [first, first + width],
      operand,
    }))
    : [inputs.q, inputs.k, inputs.v].map((x, operand) => ({ x, operand }));
  return [...three, ...d ? [{ x: d, operand: indexOf("d") }] : []].filter(({ x }) => !x.scaled);
}

/**
 * Emits q, k and v of qkv (N×(C + 2K)), each to a tensor of its own: in f32 or, for what is scaled so, as scaled halves. Apart, since one tensor
 * of all three finds no place among others as large as one.
 */
export function writtenApart(
  builder: ProgramBuilder,
  qkv: Operand,
  shape: AttentionShape,
  scaling?: Scaling,
): Inputs {
  const { rows } = qkv.tensor;
  const columns = columnsOf(shape);
  const written = ["queries", "keys", "values"].map((name, part) => {
    const [first, width] = columns[part];
    const x = readColumns(qkv, first, width);
    if (scaling) return inHalves(builder, x, halvesFor(builder, { name, rows, cols: width }), scaling, part);
    const out = builder.tensor(name, rows, width, { category: "transient" });
    materialize(builder, x, out);
    return plain(out);
  });
  const [q, k, v] = sharingGroup(written);
  return { q, k, v };
}
