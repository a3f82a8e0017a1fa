/**
 * Plain float64 matrix products, the yardstick of the WGSL ones. A layer y = x·W + b with W stored [in, out] needs all three: forward is
 * NN, the input gradient dy·Wᵀ is NT, the weight gradient xᵀ·dy is TN. Matrices are dense and row-major.
 */

/** Sizes of a product: C is [m, n] and k is summed over. */
export interface MatmulSizes {
  m: number;
  n: number;
  k: number;
}

/** C[m, n] = A·B with A [m, k] and B [k, n]. */
export function matmulNN(a: Float64Array, b: Float64Array, { m, n, k }: MatmulSizes): Float64Array {
  const c = new Float64Array(m * n);
  for (let row = 0; row < m; row++) {
    for (let p = 0; p < k; p++) {
      for (let col = 0; col < n; col++) c[row * n + col] += a[row * k + p] * b[p * n + col];
    }
  }
  return c;
}

/** C[m, n] = A·Bᵀ with A [m, k] and B [n, k]. */
export function matmulNT(a: Float64Array, b: Float64Array, { m, n, k }: MatmulSizes): Float64Array {
  const c = new Float64Array(m * n);
  for (let row = 0; row < m; row++) {
    for (let col = 0; col < n; col++) {
      let sum = 0;
      for (let p = 0; p < k; p++) sum += a[row * k + p] * b[col * k + p];
      c[row * n + col] = sum;
    }
  }
  return c;
}

/** C[m, n] = Aᵀ·B with A [k, m] and B [k, n]. */
export function matmulTN(a: Float64Array, b: Float64Array, { m, n, k }: MatmulSizes): Float64Array {
  const c = new Float64Array(m * n);
  for (let p = 0; p < k; p++) {
    for (let row = 0; row < m; row++) {
      for (let col = 0; col < n; col++) c[row * n + col] += a[p * m + row] * b[p * n + col];
    }
  }
  return c;
}

/** Sum over the rows of x [rows, cols], giving [cols]: the gradient of a bias. */
export function columnSums(x: Float64Array, rows: number, cols: number): Float64Array {
  const sums = new Float64Array(cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) sums[col] += x[row * cols + col];
  }
  return sums;
}
