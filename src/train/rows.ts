import type { Tensor } from "../gpu/tensor.ts";

/** Dense rows laid out with the tensor's stride, padding zero. */
export function packRows(
  values: Float32Array<ArrayBuffer>,
  { rows, cols, stride }: Tensor,
): Float32Array<ArrayBuffer> {
  if (stride === cols) return values;
  const packed = new Float32Array(rows * stride);
  for (let r = 0; r < rows; r++) packed.set(values.subarray(r * cols, (r + 1) * cols), r * stride);
  return packed;
}

/** The dense rows of a padded tensor. */
export function unpackRows(
  values: Float32Array<ArrayBuffer>,
  { rows, cols, stride }: Tensor,
): Float32Array<ArrayBuffer> {
  if (stride === cols) return values;
  const dense = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) dense.set(values.subarray(r * stride, r * stride + cols), r * cols);
  return dense;
}
