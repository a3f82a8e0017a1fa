import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, scaledHalves } from "../../src/gpu/operand.ts";
import { type Tensor, tensorBytes } from "../../src/gpu/tensor.ts";
import { cheapToRead, isWrittenOut } from "../shared/materialize.ts";
import { halvesText } from "./matmul_matrix_template.ts";
import { halvesEach } from "./matmul_variant.ts";
import { lookFirst, placeOf, type Scaling, scalingBindings, scalingText } from "./scales.ts";
import text from "./scaled_halves.wgsl" with { type: "text" };

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
  const out = halvesOf(builder, x);
  return isWrittenOut(builder, x, tensorBytes(out)) ? written(builder, x, out, scaling, which) : x;
}

/** Returns a weight as the product scaled so should read it, its B: in f16 halves, too, where that raises no peak and so many rows make it worth it. */
export function readableWeight(
  builder: ProgramBuilder,
  weight: Tensor,
  rows: number,
  scaling: Scaling,
): Operand {
  const out = worthHalves(builder, weight, rows);
  return out && builder.takeRoom(tensorBytes(out))
    ? written(builder, plain(weight), out, scaling, "b")
    : plain(weight);
}

/**
 * Does `work`, which is given x as several products should read it, all of which scale it by one place: as they would a weight of so many
 * rows' products, but written once for as long as the work lasts.
 */
export function withReadable(
  builder: ProgramBuilder,
  x: Tensor,
  rows: number,
  { scaling, which }: { readonly scaling: Scaling; readonly which: "a" | "b" },
  work: (x: Operand) => void,
): void {
  const out = worthHalves(builder, x, rows);
  if (!out) return work(plain(x));
  builder.withRoom(
    tensorBytes(out),
    (has) => work(has ? written(builder, plain(x), out, scaling, which) : plain(x)),
  );
}

/** What a plain tensor would be written to as halves, if it is worth it to products of so many rows. */
function worthHalves(builder: ProgramBuilder, x: Tensor, rows: number): Tensor | undefined {
  const worth = takesHalves(builder) && plain(x).cost === "none" && rows >= manyRows;
  return worth ? halvesOf(builder, plain(x)) : undefined;
}

/** Whether products read scaled halves: then what they read is best written out as these, and nothing else. */
export const takesHalves = ({ arithmetic, scales }: ProgramBuilder): boolean =>
  arithmetic === "f16" && scales !== undefined;

/** How a tensor of so many columns lies as scaled halves: in whole elements. */
export const inScaledHalves = (cols: number) => ({
  dtype: "f16" as const,
  stride: Math.ceil(cols / halvesEach) * halvesEach,
});

const halvesOf = (builder: ProgramBuilder, { tensor: { name, rows, cols } }: Operand): Tensor =>
  builder.tensor(`${name} (scaled)`, rows, cols, { category: "transient", ...inScaledHalves(cols) });

/** Emits out = x in scaled halves, and what the first step sees of x before. */
function written(
  builder: ProgramBuilder,
  x: Operand,
  out: Tensor,
  scaling: Scaling,
  which: "a" | "b",
): Operand {
  const operand = which === "a" ? 0 : 1;
  lookFirst(builder, [{ x, operand }], scaling);
  const elements = out.stride / halvesEach;
  for (const window of builder.windows([out, x.tensor], x.unit)) {
    builder.dispatch({
      kernel: {
        label: "scaled_halves",
        code: x.code("x", 1) + scalingText(true) + halvesText + text,
        constants: { stride: elements, x_stride: x.tensor.stride / 4 },
      },
      bindings: [
        { group: 0, index: 1, tensor: out, access: "write", ...window },
        ...scalingBindings(builder.scales!, { ...scaling, observes: true }),
        ...x.bindings(1, window),
      ],
      parameters: { rows: window.rows, operand: placeOf(scaling, operand), looks: Number(scaling.observes) },
      workgroups: Math.ceil(Math.ceil(window.rows / rowsPerThread) * elements / threads),
      flops: 16 * window.rows * elements,
      ...scaling.observes && { looksAt: window.rows * out.cols },
    });
  }
  return scaledHalves(out);
}
