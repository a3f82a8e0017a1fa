import { assert, assertAlmostEquals } from "@std/assert";
import { affine, layerNormBackward, layerNormForward } from "./layer_norm_reference.ts";
import {
  centralDifferences,
  dot,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

const rows = 3, cols = 7, epsilon = 1e-5;

Deno.test("layerNormForward() gives rows of mean 0 and variance 1", () => {
  const x = seededValues(rows * cols, 1).map((value) => 100 + value);
  const { normalized, rstd } = layerNormForward(x, rows, cols, 0);
  for (let row = 0; row < rows; row++) {
    const values = normalized.subarray(row * cols, (row + 1) * cols);
    assertAlmostEquals(values.reduce((sum, value) => sum + value, 0) / cols, 0, 1e-12);
    assertAlmostEquals(values.reduce((sum, value) => sum + value ** 2, 0) / cols, 1, 1e-12);
    assertAlmostEquals((x[row * cols] - x[row * cols + 1]) * rstd[row], values[0] - values[1], 1e-12);
  }
});

Deno.test("layerNormForward() keeps a constant row finite through epsilon", () => {
  const { normalized, rstd } = layerNormForward(new Float64Array(cols).fill(3), 1, cols, epsilon);
  assert(normalized.every((value) => Math.abs(value) < 1e-9));
  assertAlmostEquals(rstd[0], 1 / Math.sqrt(epsilon), 1e-9);
});

Deno.test("layerNormBackward() equals central differences", () => {
  const x = seededValues(rows * cols, 2), gamma = seededValues(cols, 3), beta = seededValues(cols, 4);
  const dy = seededValues(rows * cols, 5);
  const loss = () => {
    const { normalized } = layerNormForward(x, rows, cols, epsilon);
    return dot(affine(normalized, gamma, beta, rows, cols), dy);
  };
  const { normalized, rstd } = layerNormForward(x, rows, cols, epsilon);
  const { dx, dgamma, dbeta } = layerNormBackward(dy, normalized, rstd, gamma, rows, cols);
  for (const [gradient, variable] of [[dx, x], [dgamma, gamma], [dbeta, beta]]) {
    assert(relativeError(gradient, centralDifferences(loss, variable)) < finiteDifferenceTolerance);
  }
});

Deno.test("layerNormForward() of an RMSNorm gives rows of mean square 1, and layerNormBackward() equals central differences", () => {
  const x = seededValues(rows * cols, 6).map((value) => 2 + value), gamma = seededValues(cols, 7);
  const dy = seededValues(rows * cols, 8);
  const { normalized: whole } = layerNormForward(x, rows, cols, 0, "rms");
  assertAlmostEquals(dot(whole, whole), rows * cols, 1e-12);
  const loss = () => {
    const { normalized } = layerNormForward(x, rows, cols, epsilon, "rms");
    return dot(affine(normalized, gamma, undefined, rows, cols), dy);
  };
  const { normalized, rstd } = layerNormForward(x, rows, cols, epsilon, "rms");
  const { dx, dgamma } = layerNormBackward(dy, normalized, rstd, gamma, rows, cols, "rms");
  for (const [gradient, variable] of [[dx, x], [dgamma, gamma]]) {
    assert(relativeError(gradient, centralDifferences(loss, variable)) < finiteDifferenceTolerance);
  }
});
