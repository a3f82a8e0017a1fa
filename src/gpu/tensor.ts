import type { Category } from "../memory/category.ts";

/** `f16` holds two numbers to a 32-bit word; `u8`, `u4` and `u2` hold four, eight and sixteen codes. */
export type Dtype = "f32" | "u32" | "f16" | "u8" | "u4" | "u2";

const dtypeBits: Record<Dtype, number> = { f32: 32, u32: 32, f16: 16, u8: 8, u4: 4, u2: 2 };

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
