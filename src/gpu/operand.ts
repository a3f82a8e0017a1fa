import affineText from "./operand_affine.wgsl" with { type: "text" };
import bf16Text from "./operand_bf16.wgsl" with { type: "text" };
import f16Text from "./operand_f16.wgsl" with { type: "text" };
import halvesText from "./operand_scaled_halves.wgsl" with { type: "text" };
import scaledText from "./operand_scaled.wgsl" with { type: "text" };
import columnsText from "./operand_columns.wgsl" with { type: "text" };
import geluText from "./operand_gelu.wgsl" with { type: "text" };
import geluErfText from "./operand_gelu_erf.wgsl" with { type: "text" };
import geluTailText from "./operand_gelu_tail.wgsl" with { type: "text" };
import timesText from "./operand_times.wgsl" with { type: "text" };
import plainText from "./operand_plain.wgsl" with { type: "text" };
import type { Binding } from "./kernel.ts";
import { leastCommonMultiple, type Window } from "./limits.ts";
import { rowsOf, type Tensor } from "./tensor.ts";

/**
 * A matrix as kernels read it: a stored tensor, and WGSL that turns what is stored into numbers. A kernel that reads operand `a` calls
 * `a_load4(index, column)`, where `index` counts vectors of four from the window's first row (row * stride/4 + column) and `column`
 * counts them within the row; the operand's text is joined in front of the kernel's.
 */
export interface Operand {
  /** The tensor whose rows are windowed, unless `columnsOf` is. Its shape is the operand's shape. */
  readonly tensor: Tensor;
  /** The tensor whose rows are windowed where these are columns of it. */
  readonly columnsOf?: Tensor;
  /** What reading an element costs beyond a load: nothing, a few operations, or a transcendental function. */
  readonly cost: "none" | "light" | "heavy";
  /**
   * The WGSL type of what `${name}_fetch4(index, column)` loads, where `${name}_read4(fetched, index, column)` makes numbers of it: for who
   * fetches early and reads late. Left out where `load4` does both.
   */
  readonly fetched?: string;
  /**
   * Whether its text has no `load4` but `${name}_halves`, an array of elements of eight columns each: halves, scaled, as the product that they
   * were written for multiplies them.
   */
  readonly scaled?: true;
  /** Rows that belong together, 1 if left out: windows of its rows begin at multiples of them. */
  readonly unit?: number;
  /** WGSL that declares the bindings in `group` and defines `${name}_load4`. */
  code(name: string, group: number): string;
  bindings(group: number, window?: Window): Binding[];
}

/** What readers' texts are for operands, by text: a long step has more than a hundred thousand dispatches, and few operands' names. */
const instances = new Map<string, Map<string, string>>();

/** Writes a reader's text for one operand of one kernel: NAME and GROUP stand for the operand's name and its bind group. */
export function instantiate(text: string, name: string, group: number): string {
  let own = instances.get(text);
  if (!own) instances.set(text, own = new Map());
  const operand = `${name} ${group}`;
  let written = own.get(operand);
  if (written === undefined) {
    written = text.replaceAll("NAME", name).replaceAll("GROUP", String(group));
    own.set(operand, written);
  }
  return written;
}

/** Puts values in the place of words in capitals. */
export function fill(text: string, values: Record<string, number | string>): string {
  return Object.entries(values).reduce((filled, [key, value]) => filled.replaceAll(key, String(value)), text);
}

/** A tensor as it is, in f32, bf16 or f16. */
export function plain(tensor: Tensor): Operand {
  const halves = tensor.dtype === "bf16" ? bf16Text : tensor.dtype === "f16" ? f16Text : undefined;
  return {
    tensor,
    ...halves ? { cost: "light", fetched: "vec2<u32>" } : { cost: "none" },
    code: (name, group) => instantiate(halves ?? plainText, name, group),
    bindings: (group, window) => [{ group, index: 0, tensor, access: "read", ...window }],
  };
}

/** A tensor of scaled halves, whose stride is whole elements, for the product that they were written for. */
export function scaledHalves(tensor: Tensor): Operand {
  return {
    tensor,
    cost: "none",
    scaled: true,
    code: (name, group) => instantiate(halvesText, name, group),
    bindings: (group, window) => [{ group, index: 0, tensor, access: "read", ...window }],
  };
}

/** A tensor as the kernel that overwrites it reads it: through the kernel's own binding, which its text calls `variable`. */
export function overwritten(tensor: Tensor, variable: string): Operand {
  return {
    tensor,
    cost: "none",
    code: (name) =>
      `fn ${name}_load4(index: u32, column: u32) -> vec4<f32> {\n  return ${variable}[index];\n}\n`,
    bindings: () => [],
  };
}

/** gamma * x + beta by column: what a linear layer after a norm reads; after an RMSNorm, without beta. `gamma` and `beta` are 1 × cols. */
export function affine(x: Operand, gamma: Tensor, beta?: Tensor): Operand {
  const text = beta ? affineText : scaledText;
  return {
    tensor: x.tensor,
    cost: x.cost === "heavy" ? "heavy" : "light",
    unit: x.unit,
    code: (name, group) => x.code(`${name}_inner`, group) + instantiate(text, name, group),
    bindings: (group, window) => [
      ...x.bindings(group, window),
      { group, index: 8, tensor: gamma, access: "read" },
      ...beta ? [{ group, index: 9, tensor: beta, access: "read" } as const] : [],
    ],
  };
}

/** GELU as GPT-2 computes it (the tanh approximation), or by its definition x·Φ(x), as ViT does. */
export type GeluKind = "tanh" | "erf";

/** GELU(x), computed on load. */
export function gelu(x: Operand, kind: GeluKind = "tanh"): Operand {
  const text = kind === "erf" ? geluTailText + geluErfText : geluText;
  return {
    tensor: x.tensor,
    cost: "heavy",
    unit: x.unit,
    code: (name, group) => x.code(`${name}_inner`, group) + instantiate(text, name, group),
    bindings: (group, window) => x.bindings(group, window),
  };
}

/** Rows [first, first + rows) of what x reads. `first` is a multiple of 64, and of the operand's unit. */
export function readRows(x: Operand, first: number, rows: number): Operand {
  return {
    ...x,
    tensor: rowsOf(x.tensor, first, rows),
    bindings: (group, window) =>
      x.bindings(group, { first: first + (window?.first ?? 0), rows: window?.rows ?? rows }),
  };
}

/** So many columns of x from `first` on, both whole vectors. */
export function readColumns(x: Operand, first: number, cols: number): Operand {
  if (first % 4 !== 0 || cols % 4 !== 0) {
    throw new RangeError(`Columns ${first} to ${first + cols - 1} are not whole vectors`);
  }
  const text = fill(columnsText, { OWN: cols / 4, STRIDE: x.tensor.stride / 4, FIRST: first / 4 });
  const { fetched: _, ...others } = x;
  return {
    ...others,
    tensor: { ...x.tensor, cols, stride: cols },
    columnsOf: windowedTensor(x),
    code: (name, group) => x.code(`${name}_inner`, group) + instantiate(text, name, group),
  };
}

/** The tensor whose rows x's windows are of. */
export const windowedTensor = ({ tensor, columnsOf }: Operand): Tensor => columnsOf ?? tensor;

/** The rows that two operands of one shape, windowed together, begin their windows at multiples of. */
export function commonUnit({ unit: a = 1 }: Operand, { unit: b = 1 }: Operand): number {
  return leastCommonMultiple(a, b);
}

/** x * y, element by element: two operands of one shape. Its bindings take `group` and the next. */
export function times(x: Operand, y: Operand): Operand {
  return {
    tensor: x.tensor,
    cost: x.cost === "heavy" || y.cost === "heavy" ? "heavy" : "light",
    unit: commonUnit(x, y),
    code: (name, group) =>
      x.code(`${name}_left`, group) + y.code(`${name}_right`, group + 1) +
      instantiate(timesText, name, group),
    bindings: (group, window) => [...x.bindings(group, window), ...y.bindings(group + 1, window)],
  };
}
