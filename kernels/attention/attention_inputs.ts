/** How q, k and v come to the kernels of attention: side by side in one tensor, or apart, as numbers or as scaled halves. */

import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, readColumns } from "../../src/gpu/operand.ts";
import { sharingGroup } from "../../src/gpu/operand_windows.ts";
import { halvesFor, inHalves } from "../products/scaled_halves.ts";
import type { Looked, Scaling } from "../products/scales.ts";
import { materialize } from "../shared/materialize.ts";
import { indexOf } from "./attention_matrix_scales.ts";

/** q, k and v side by side, or each in a tensor of its own. */
export type Inputs = Operand | Readonly<Record<"q" | "k" | "v", Operand>>;

const isOperand = (inputs: Inputs): inputs is Operand => "tensor" in inputs;

/** The same by the names that kernels have for them. */
export const operandsOf = (inputs: Inputs): Record<string, Operand> =>
  isOperand(inputs) ? { qkv: inputs } : { ...inputs };

/** What of q, k and v, and dO (`d`), is still to be looked at before the first step: halves were, where they were written. */
export function unseen(inputs: Inputs, d?: Operand): Looked[] {
  const three = isOperand(inputs)
    ? [0, 1, 2].map((i) => ({
      x: inputs,
      columns: [i, i + 1].map((part) => part * inputs.tensor.cols / 3),
      operand: i,
    }))
    : [inputs.q, inputs.k, inputs.v].map((x, operand) => ({ x, operand }));
  return [...three, ...d ? [{ x: d, operand: indexOf("d") }] : []].filter(({ x }) => !x.scaled);
}

/**
 * Emits q, k and v of qkv (N×3C), each to a tensor of its own: in f32 or, for what is scaled so, as scaled halves. Apart, since one tensor of
 * all three finds no place among others as large as one.
 */
export function writtenApart(builder: ProgramBuilder, qkv: Operand, scaling?: Scaling): Inputs {
  const { rows, cols } = qkv.tensor;
  const width = cols / 3;
  const written = ["queries", "keys", "values"].map((name, part) => {
    const x = readColumns(qkv, part * width, width);
    if (scaling) return inHalves(builder, x, halvesFor(builder, { name, rows, cols: width }), scaling, part);
    const out = builder.tensor(name, rows, width, { category: "transient" });
    materialize(builder, x, out);
    return plain(out);
  });
  const [q, k, v] = sharingGroup(written);
  return { q, k, v };
}
