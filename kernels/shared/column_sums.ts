import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, times } from "../../src/gpu/operand.ts";
import { type Tensor, tensorBytes } from "../../src/gpu/tensor.ts";
import text from "./column_sums.wgsl" with { type: "text" };

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
  sum(builder, [v], { row: out, gap: 0 }, accumulate);
}

/**
 * Emits the sums of the columns of v ∘ w and those of v (N×C each): the gradients of a LayerNorm's scale and shift. Where both targets
 * lie in one store, that of the product first, v is read once and both come out of the dispatches of one; else of two `columnSums`.
 */
export function columnSumsWithProduct(
  builder: ProgramBuilder,
  v: Operand,
  w: Operand,
  ofProduct: SumTarget,
  ofV: SumTarget,
): void {
  const { accumulate } = ofV;
  const pair = pairOf(ofProduct.out, ofV.out);
  const fits = pair && tensorBytes(pair.row) <= builder.limits.maxStorageBufferBindingSize;
  if (fits && ofProduct.accumulate === accumulate) return sum(builder, [v, w], pair, accumulate);
  columnSums(builder, times(v, w), ofProduct.out, ofProduct.accumulate);
  columnSums(builder, v, ofV.out, accumulate);
}

/** Where sums go: a row of them, or two with `gap` vectors between that are left as they are. */
interface Sums {
  readonly row: Tensor;
  readonly gap: number;
}

/** Two rows of one store as one, so that one binding writes both; undefined where the second does not lie behind the first. */
function pairOf(first: Tensor, second: Tensor): Sums | undefined {
  if (!first.home || first.home.store !== second.home?.store) return undefined;
  const apart = (second.home.offset - first.home.offset) / 4;
  const gap = (apart - first.stride) / 4;
  if (gap < 0 || !Number.isInteger(gap)) return undefined;
  const width = apart + second.stride;
  return { row: { ...first, name: `${first.name} and ${second.name}`, cols: width, stride: width }, gap };
}

function sum(builder: ProgramBuilder, operands: readonly Operand[], out: Sums, accumulate: boolean): void {
  const tensors = operands.map(({ tensor }) => tensor);
  const { rows, stride } = tensors[0];
  if (rows <= 4 * leastChunk && builder.windows(tensors).length === 1) {
    return emit(builder, operands, out, wholeColumns(rows, stride), accumulate);
  }
  const tiles = columnTiles(rows, stride / 4);
  const chunks = Math.ceil(rows / tiles.chunk);
  const width = operands.length * stride;
  const row = builder.tensor(`${out.row.name} partial sums`, chunks, width, { category: "transient" });
  emit(builder, operands, { row, gap: 0 }, tiles, false);
  emit(builder, [plain(row)], out, wholeColumns(chunks, width), accumulate);
}

/** One chunk of all rows: where they are many, narrow tiles, so that more workgroups share them. */
function wholeColumns(rows: number, stride: number): ColumnTiles {
  const enough = stride / 4 >= 64 * fewestWorkgroups;
  return { lanes: enough ? 64 : rows > leastChunk ? 4 : 16, chunk: rows };
}

/** WGSL of what a vector of operand v adds to a thread's sums: itself. */
const termsOfOne = `
alias Sums = vec4<f32>;
const parts = 1u;
fn terms(index: u32, column: u32, counts: bool) -> Sums {
  return select(vec4<f32>(), v_load4(index, column), counts);
}
fn part_of(sums: Sums, part: u32) -> vec4<f32> {
  return sums;
}
`;

/** WGSL of what vectors of operands v and w add to a thread's sums: v * w to the first, v to the second. */
const termsOfTwo = `
alias Sums = mat2x4<f32>;
const parts = 2u;
fn terms(index: u32, column: u32, counts: bool) -> Sums {
  let v = v_load4(index, column);
  let product = v * w_load4(index, column);
  return Sums(select(vec4<f32>(), product, counts), select(vec4<f32>(), v, counts));
}
fn part_of(sums: Sums, part: u32) -> vec4<f32> {
  return select(sums[0], sums[1], part == 1);
}
`;

/** Emits the sums of chunks of one operand, or of the product of two and of the first, side by side. */
function emit(
  builder: ProgramBuilder,
  operands: readonly Operand[],
  { row, gap }: Sums,
  { lanes, chunk }: ColumnTiles,
  accumulate: boolean,
): void {
  const tensors = operands.map(({ tensor }) => tensor);
  const stride = tensors[0].stride / 4;
  const readers = operands.map((operand, i) => operand.code("vw"[i], i + 1)).join("");
  const code = readers + (operands.length === 1 ? termsOfOne : termsOfTwo) + text;
  for (const window of builder.windows(tensors, chunk)) {
    const chunks = Math.ceil(window.rows / chunk);
    builder.dispatch({
      kernel: { label: "column_sums", code, constants: { stride, lanes } },
      bindings: [
        { group: 0, index: 1, tensor: row, access: accumulate ? "update" : "write" },
        ...operands.flatMap((operand, i) => operand.bindings(i + 1, window)),
      ],
      parameters: {
        rows: window.rows,
        chunk,
        first_chunk: window.first / chunk,
        accumulate: Number(accumulate),
        gap,
      },
      workgroups: Math.ceil(stride / lanes) * chunks,
      flops: (2 * operands.length - 1) * window.rows * tensors[0].cols,
    });
  }
}
