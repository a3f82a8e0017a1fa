import { cheapToRead } from "../../kernels/shared/materialize.ts";
import { narrowLimits, normals, type TestProgram } from "../../kernels/testing/testing.ts";
import type { BuilderOptions } from "../gpu/builder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { policyNamed } from "./testing.ts";
import type { TensorStorage } from "./policy_document.ts";
import type { ChannelTables } from "./quantize_reference.ts";

/** A tensor of `parts` tensors side by side, each of `heads` heads. */
export interface Sizes {
  rows: number;
  cols: number;
  heads: number;
  parts?: number;
}

/** Everything that storing one tensor leaves behind. */
export interface Stored {
  x: Tensor;
  codes: Tensor;
  tables: Tensor;
  /** None where tokens have ranges. */
  estimates?: Tensor;
  /** The dequantized tensor in f32. */
  back: Tensor;
}

/** A software adapter's program writes what it reads of stored tensors to memory, where a test finds it. */
export const materializing: Partial<BuilderOptions> = { adapterClass: "software" };

export const odd: Sizes = { rows: 37, cols: 60, heads: 3 };
/** Rows of 18 channels are padded to 20; groups end within a vector, rows of 4- and 2-bit codes within a word. */
export const ragged: Sizes = { rows: 5, cols: 18, heads: 1, parts: 3 };
export const windowed: Sizes = { rows: 300, cols: 60, heads: 3 };
/** Three windows of rows, and grids that are folded. */
export const narrow = { ...materializing, limits: narrowLimits(128 * 60 * 4) };

/** Emits the storing of a rows×cols tensor under a policy of its own, `stream` tensors before it. */
export function store(
  { builder, output }: TestProgram,
  { rows, cols, heads, parts }: Sizes,
  storage: Partial<TensorStorage>,
  stream = 0,
): Stored {
  const policy = policyNamed("mesa8", storage);
  const saved = { kind: "qkv" as const, layer: 0, heads, parts };
  for (let i = 0; i < stream; i++) {
    policy.store(builder, output(`before ${i}`, rows, cols), saved, `before ${i}`);
  }
  const x = output(`x ${stream}`, rows, cols);
  const operand = policy.store(builder, x, saved, "x");
  const [codes, tables] = operand.bindings(0).map((binding) => binding.tensor);
  const estimates = policy.clipCounters.at(-1)?.estimates;
  return { x, codes, tables, estimates, back: cheapToRead(builder, operand).tensor };
}

/** The matrix as the reference groups it: where each token has ranges, one row of all elements. */
export function grouped({ rows, cols, heads, parts = 1 }: Sizes, grouping: TensorStorage["grouping"]) {
  const byRow = (perRow: number) => ({ rows: 1, cols: rows * cols, groups: rows * perRow });
  if (grouping === "token") return byRow(parts);
  if (grouping === "tensor") return { rows, cols, groups: parts };
  if (grouping === "head") return { rows, cols, groups: parts * heads };
  if ("token_channels" in grouping) return byRow(cols / grouping.token_channels);
  return { rows, cols, groups: cols / grouping.channels };
}
/** Rows and columns of such a matrix, and its groups of columns. */
export type Grouped = ReturnType<typeof grouped>;

/** Data of a step: every group has a centre and a width of its own, and all widths change from step to step. */
export function stepData({ rows, cols, heads, parts = 1 }: Sizes, step: number, attempt = 0): Float64Array {
  const width = [1, 0.6, 1.5, 3, 2.5, 0.3, 0.2, 0.8, 4, 1][step];
  return normals(rows * cols, 100 + step + 1000 * attempt).map((value, i) => {
    const group = Math.floor((i % cols) / (cols / heads / parts));
    return Math.fround(value * width * 10 ** (group - 1) + group);
  });
}

/** (x − β)·(2^bits − 1)/α in float64. */
export function level(x: Float64Array, i: number, { scale, shift }: ChannelTables): number {
  const channel = i % scale.length;
  return (x[i] - shift[channel]) / scale[channel];
}
