import type { Category } from "../memory/category.ts";

/** `u8` holds four codes to a 32-bit word, `f16` two numbers. */
export type Dtype = "f32" | "u32" | "f16" | "u8";

const dtypeBytes: Record<Dtype, number> = { f32: 4, u32: 4, f16: 2, u8: 1 };

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

/** Bytes from one row to the next. */
export function rowBytes(tensor: Tensor): number {
  return tensor.stride * dtypeBytes[tensor.dtype];
}

/** Bytes of the whole tensor, padding included. */
export function tensorBytes(tensor: Tensor): number {
  return Math.ceil(tensor.rows * rowBytes(tensor) / 4) * 4;
}
