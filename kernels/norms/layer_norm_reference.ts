/**
 * Plain float64 layer normalisation (Ba, Kiros, Hinton, arXiv 1607.06450) over the columns of each row, and RMSNorm (Zhang, Sennrich,
 * arXiv 1910.07467), which takes 0 for the mean and has no β. The affine part stands alone, because what backward needs is the output
 * *before* γ and β.
 */

import type { NormKind } from "./layer_norm.ts";

/**
 * x̂ = (x − mean)·rstd with rstd = 1/√(variance + ε), the variance dividing by `cols`.
 *
 * @param x [rows, cols]
 * @returns `normalized` x̂ [rows, cols] and `rstd` [rows]
 */
export function layerNormForward(
  x: Float64Array,
  rows: number,
  cols: number,
  epsilon: number,
  kind: NormKind = "layer",
): { normalized: Float64Array; rstd: Float64Array } {
  const normalized = new Float64Array(rows * cols);
  const rstd = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * cols, (row + 1) * cols);
    const mean = kind === "rms" ? 0 : values.reduce((sum, value) => sum + value, 0) / cols;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cols;
    rstd[row] = 1 / Math.sqrt(variance + epsilon);
    for (let col = 0; col < cols; col++) normalized[row * cols + col] = (values[col] - mean) * rstd[row];
  }
  return { normalized, rstd };
}

/** y = γ·x̂ + β by column: `normalized` is [rows, cols], `gamma` and `beta` are [cols]; β is 0 if left out. */
export function affine(
  normalized: Float64Array,
  gamma: Float64Array,
  beta: Float64Array | undefined,
  rows: number,
  cols: number,
): Float64Array {
  const y = new Float64Array(rows * cols);
  for (let i = 0; i < y.length; i++) y[i] = gamma[i % cols] * normalized[i] + (beta?.[i % cols] ?? 0);
  return y;
}

/**
 * Gradients of y = γ·x̂ + β from x̂ and rstd, without x or the mean:
 * with g = dy·γ, dx = rstd·(g − mean(g) − x̂·mean(g·x̂)), dγ = Σ dy·x̂ and dβ = Σ dy over the rows. An RMSNorm's dx is without mean(g).
 *
 * @param dy [rows, cols]
 * @param normalized x̂ [rows, cols]
 * @param rstd [rows]
 * @param gamma [cols]
 * @returns `dx` [rows, cols], `dgamma` and `dbeta` [cols]
 */
export function layerNormBackward(
  dy: Float64Array,
  normalized: Float64Array,
  rstd: Float64Array,
  gamma: Float64Array,
  rows: number,
  cols: number,
  kind: NormKind = "layer",
): { dx: Float64Array; dgamma: Float64Array; dbeta: Float64Array } {
  const dx = new Float64Array(rows * cols);
  const dgamma = new Float64Array(cols);
  const dbeta = new Float64Array(cols);
  for (let row = 0; row < rows; row++) {
    let meanG = 0, meanGX = 0;
    for (let col = 0; col < cols; col++) {
      const i = row * cols + col;
      dgamma[col] += dy[i] * normalized[i];
      dbeta[col] += dy[i];
      if (kind === "layer") meanG += dy[i] * gamma[col] / cols;
      meanGX += dy[i] * gamma[col] * normalized[i] / cols;
    }
    for (let col = 0; col < cols; col++) {
      const i = row * cols + col;
      dx[i] = rstd[row] * (dy[i] * gamma[col] - meanG - normalized[i] * meanGX);
    }
  }
  return { dx, dgamma, dbeta };
}
