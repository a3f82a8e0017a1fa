import type { Category } from "../memory/category.ts";

/** `f16` and `bf16` hold two numbers to a 32-bit word; `u8`, `u4` and `u2` hold four, eight and sixteen codes. */
export type Dtype = "f32" | "u32" | "f16" | "bf16" | "u8" | "u4" | "u2";

const dtypeBits: Record<Dtype, number> = { f32: 32, u32: 32, f16: 16, bf16: 16, u8: 8, u4: 4, u2: 2 };

/** A buffer that outlives programs and is shared by them: parameters, moments, range estimates, the batch. */
export interface Store {
  readonly name: string;
  readonly category: Category;
  readonly bytes: number;
}

/**
 * The description of a matrix in GPU memory; no memory belongs to it until a program is made. Row `r` begins at element `r * stride`.
 * Columns from `cols` to `stride` are padding, and are zero in every tensor that kernels read four at a time: whoever writes a row
 * writes its padding too.
 */
export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly rows: number;
  readonly cols: number;
  readonly stride: number;
  readonly category: Category;
  /** Where a tensor outside the plan lives; a tensor without is planned by the program that uses it. */
  readonly home?: { readonly store: Store; readonly offset: number };
  /** The planned tensor whose rows these are, from `firstRow` on: they live in its memory, and as long. */
  readonly view?: { readonly of: Tensor; readonly firstRow: number };
}

/** What the offset of a binding must be a multiple of, in bytes. */
const offsetAlignment = 256;

/**
 * Rows [first, first + rows) of a tensor as a tensor, to read or to write; all of it is the tensor itself. Throws a RangeError if there are no
 * such rows, or none can be bound there: a multiple of 64 always can.
 */
export function rowsOf(tensor: Tensor, first: number, rows: number): Tensor {
  if (first === 0 && rows === tensor.rows) return tensor;
  const { name, home, view } = tensor;
  if (first < 0 || rows < 1 || first + rows > tensor.rows) {
    throw new RangeError(`${name} has no rows ${first} to ${first + rows - 1}: it has ${tensor.rows}`);
  }
  const bytes = first * rowBytes(tensor);
  if (bytes % offsetAlignment !== 0) {
    throw new RangeError(`Rows of ${name} cannot be bound from row ${first}: take a multiple of 64`);
  }
  if (home) return { ...tensor, rows, home: { ...home, offset: home.offset + bytes } };
  const of = wholeOf(tensor);
  return { ...tensor, rows, view: { of, firstRow: first + (view?.firstRow ?? 0) } };
}

/** So many numbers of a tensor from one on, padding counted, as rows of four: both are multiples of four, and they can be bound there, as rows can. */
export function vectorsOf(tensor: Tensor, first: number, count: number): Tensor {
  const { view, ...place } = placeOf(tensor);
  const vectors = tensor.stride / 4;
  const flat = { ...place, rows: tensor.rows * vectors, cols: 4, stride: 4 };
  return rowsOf(
    view ? { ...flat, view: { ...view, firstRow: view.firstRow * vectors } } : flat,
    first / 4,
    count / 4,
  );
}

/** The place of a tensor, as a tensor of its own: for what overwrites it. */
export function placeOf(tensor: Tensor): Tensor {
  if (tensor.home) return { ...tensor };
  return { ...tensor, view: { of: wholeOf(tensor), firstRow: tensor.view?.firstRow ?? 0 } };
}

/** The tensor that a view is of; any other is whole. */
export function wholeOf(tensor: Tensor): Tensor {
  return tensor.view?.of ?? tensor;
}

/** Columns rounded up to whole vectors of four. */
export function padded(cols: number): number {
  return Math.ceil(cols / 4) * 4;
}

/** Bytes from one row to the next. Rows of codes smaller than a byte are whole words. */
export function rowBytes({ stride, dtype }: Tensor): number {
  const bytes = stride * dtypeBits[dtype] / 8;
  return dtypeBits[dtype] < 8 ? Math.ceil(bytes / 4) * 4 : bytes;
}

/** Bytes of the whole tensor, padding included. */
export function tensorBytes(tensor: Tensor): number {
  return Math.ceil(tensor.rows * rowBytes(tensor) / 4) * 4;
}
