import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, scaledHalves, windowedTensor } from "../../src/gpu/operand.ts";
import { type Tensor, tensorBytes } from "../../src/gpu/tensor.ts";
import { cheapToRead, isWrittenOut } from "../shared/materialize.ts";
import { halvesText } from "./matmul_matrix_template.ts";
import { halvesEach } from "./matmul_variant.ts";
import { lookFirst, type Scaling, scalingBindings, scalingText } from "./scales.ts";
import text from "./scaled_halves.wgsl" with { type: "text" };
import blindText from "./scaled_halves_blind.wgsl" with { type: "text" };
import lookText from "./scaled_halves_look.wgsl" with { type: "text" };

const threads = 256;
const rowsPerThread = 4;

/** Rows that a weight is multiplied by, from which on a product in f16 gains by halves more than it costs to write them. */
const manyRows = 8192;

/**
 * Returns x (N×C) as the product scaled so should read it, its A or its B: as `cheapToRead` has it, but in f16 what is written out is written
 * as the product would put it into workgroup memory, in scaled halves. So it takes half the room, and half of what the product moves.
 */
export function readable(builder: ProgramBuilder, x: Operand, scaling: Scaling, which: "a" | "b"): Operand {
  if (!takesHalves(builder)) return cheapToRead(builder, x);
  const out = halvesFor(builder, x.tensor);
  return isWrittenOut(builder, x, tensorBytes(out))
    ? inHalves(builder, x, out, scaling, which === "a" ? 0 : 1)
    : x;
}

/** Returns a weight as the product scaled so should read it, its B: in f16 halves, too, where that raises no peak and so many rows make it worth it. */
export function readableWeight(
  builder: ProgramBuilder,
  weight: Tensor,
  rows: number,
  scaling: Scaling,
): Operand {
  const x = plain(weight);
  if (!takesHalves(builder) || x.cost !== "none" || rows < manyRows) return x;
  const out = halvesFor(builder, weight);
  return builder.takeRoom(tensorBytes(out)) ? inHalves(builder, x, out, scaling, 1) : x;
}

/** Whether products, and attention, read scaled halves: then what they read is best written out as these, and nothing else. */
export const takesHalves = ({ arithmetic, scales }: ProgramBuilder): boolean =>
  arithmetic === "f16" && scales !== undefined;

/** How a tensor of so many columns lies as scaled halves: in whole elements. */
export const inScaledHalves = (cols: number) => ({
  dtype: "f16" as const,
  stride: Math.ceil(cols / halvesEach) * halvesEach,
});

/** Describes a tensor for a matrix (N×C) in scaled halves. */
export const halvesFor = (
  builder: ProgramBuilder,
  { name, rows, cols }: Pick<Tensor, "name" | "rows" | "cols">,
): Tensor =>
  builder.tensor(`${name} (scaled)`, rows, cols, { category: "transient", ...inScaledHalves(cols) });

const textOf = (observes: boolean) =>
  scalingText(observes) + halvesText + (observes ? lookText : blindText) + text;

/**
 * Emits out = x (N×C) in scaled halves, an operand of what is scaled so by its place there, and what the first step sees of x before. Returns
 * it as that reads it.
 */
export function inHalves(
  builder: ProgramBuilder,
  x: Operand,
  out: Tensor,
  scaling: Scaling,
  operand: number,
): Operand {
  lookFirst(builder, [{ x, operand }], scaling);
  const elements = out.stride / halvesEach;
  for (const window of builder.windows([out, windowedTensor(x)], x.unit)) {
    builder.dispatch({
      kernel: {
        label: "scaled_halves",
        code: x.code("x", 1) + textOf(scaling.observes),
        constants: { stride: elements, x_stride: x.tensor.stride / 4 },
      },
      bindings: [
        { group: 0, index: 1, tensor: out, access: "write", ...window },
        ...scalingBindings(builder.scales!, scaling),
        ...x.bindings(1, window),
      ],
      parameters: { rows: window.rows, operand },
      workgroups: Math.ceil(Math.ceil(window.rows / rowsPerThread) * elements / threads),
      flops: 16 * window.rows * elements,
      ...scaling.observes && { looksAt: window.rows * out.cols },
    });
  }
  return scaledHalves(out);
}
