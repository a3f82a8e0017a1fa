import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, times } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import text from "./column_sums.wgsl" with { type: "text" };
import oneText from "./column_sums_one.wgsl" with { type: "text" };
import twoText from "./column_sums_two.wgsl" with { type: "text" };

/** The fewest rows that one of several workgroups takes. */
const leastChunk = 128;

/** Workgroups that fill a large GPU: twice the 132 processors of an H200. */
const fewestWorkgroups = 264;

/** How workgroups of 256 share a matrix whose columns they reduce: `lanes` vectors of columns and `chunk` rows each. */
export interface ColumnTiles {
  readonly lanes: number;
  readonly chunk: number;
}

/**
 * Tiles of a matrix of `rows` rows of `vectors` vectors. Wide ones read contiguous KiB and leave little to fold, but fewer workgroups; long
 * chunks leave few partial results, and are taken where 1024 workgroups remain.
 */
export function columnTiles(rows: number, vectors: number): ColumnTiles {
  const wide = Math.ceil(vectors / 64);
  const chunks = Math.floor(rows * wide / (1024 * leastChunk));
  const chunk = leastChunk * Math.max(1, Math.min(4, chunks));
  const enough = vectors >= 48 && wide * Math.ceil(rows / chunk) >= fewestWorkgroups;
  return { lanes: enough ? 64 : 16, chunk };
}

/** A row of sums (1×C) to write, or with `accumulate` to add to. */
export interface SumTarget {
  readonly out: Tensor;
  readonly accumulate: boolean;
}

/** Emits out (1×C) = the sums of the columns of v (N×C), or += with `accumulate`: bias gradients. */
export function columnSums(builder: ProgramBuilder, v: Operand, out: Tensor, accumulate: boolean): void {
  sum(builder, [v], ofOne, [out], accumulate);
}

/**
 * Emits the sums of the columns of v ∘ w and those of v (N×C each): the gradients of a LayerNorm's scale and shift. v is read once, and
 * both come out of the dispatches of one; only where one target is added to and the other written, they take those of two `columnSums`.
 */
export function columnSumsWithProduct(
  builder: ProgramBuilder,
  v: Operand,
  w: Operand,
  ofProduct: SumTarget,
  ofV: SumTarget,
): void {
  const { accumulate } = ofV;
  if (ofProduct.accumulate === accumulate) {
    return sum(builder, [v, w], ofProductAndV, [ofProduct.out, ofV.out], accumulate);
  }
  columnSums(builder, times(v, w), ofProduct.out, ofProduct.accumulate);
  columnSums(builder, v, ofV.out, accumulate);
}

/** WGSL of what is summed: `terms`, from vectors of the operands v and w, and where the sums of it go. */
const ofOne = oneText;
const ofTwo = (first: string, second: string) => `
fn terms(index: u32, column: u32, counts: bool) -> Sums {
  let v = v_load4(index, column);
  let w = w_load4(index, column);
  return Sums(select(vec4<f32>(), ${first}, counts), select(vec4<f32>(), ${second}, counts));
}
${twoText}`;
const ofProductAndV = ofTwo("v * w", "v");
const ofEach = ofTwo("v", "w");

/** Emits the sums of what `terms` gives into rows of their own, `outs`: where v has many rows, of chunks of these first. */
function sum(
  builder: ProgramBuilder,
  operands: readonly Operand[],
  terms: string,
  outs: readonly Tensor[],
  accumulate: boolean,
): void {
  const tensors = operands.map(({ tensor }) => tensor);
  const { rows, cols, stride } = tensors[0];
  if (rows <= 4 * leastChunk && builder.windows(tensors).length === 1) {
    return emit(builder, operands, terms, outs, wholeColumns(rows, outs.length * stride), accumulate);
  }
  const tiles = columnTiles(rows, stride / 4);
  const chunks = Math.ceil(rows / tiles.chunk);
  const partial = outs.map(({ name }) =>
    builder.tensor(`${name} partial sums`, chunks, cols, { category: "transient", stride })
  );
  emit(builder, operands, terms, partial, tiles, false);
  const whole = wholeColumns(chunks, outs.length * stride);
  emit(builder, partial.map(plain), outs.length === 1 ? ofOne : ofEach, outs, whole, accumulate);
}

/** One chunk of all rows: where they are many, narrow tiles, so that more workgroups share their `columns`. */
function wholeColumns(rows: number, columns: number): ColumnTiles {
  const enough = columns / 4 >= 64 * fewestWorkgroups;
  return { lanes: enough ? 64 : rows > leastChunk ? 4 : 16, chunk: rows };
}

/** Emits the sums of chunks of rows: one a row of each of `outs`. */
function emit(
  builder: ProgramBuilder,
  operands: readonly Operand[],
  terms: string,
  outs: readonly Tensor[],
  { lanes, chunk }: ColumnTiles,
  accumulate: boolean,
): void {
  const tensors = operands.map(({ tensor }) => tensor);
  const stride = tensors[0].stride / 4;
  const readers = operands.map((operand, i) => operand.code("vw"[i], i + 1)).join("");
  const access = accumulate ? "update" : "write";
  for (const window of builder.windows(tensors, chunk)) {
    const chunks = Math.ceil(window.rows / chunk);
    builder.dispatch({
      kernel: { label: "column_sums", code: readers + terms + text, constants: { stride, lanes } },
      bindings: [
        ...outs.map((tensor, i) => ({ group: 0, index: i + 1, tensor, access } as const)),
        ...operands.flatMap((operand, i) => operand.bindings(i + 1, window)),
      ],
      parameters: {
        rows: window.rows,
        chunk,
        first_chunk: window.first / chunk,
        accumulate: Number(accumulate),
      },
      workgroups: Math.ceil(stride / lanes) * chunks,
      flops: (2 * operands.length - 1) * window.rows * tensors[0].cols,
    });
  }
}
