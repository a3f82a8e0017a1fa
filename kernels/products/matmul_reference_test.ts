import { assert, assertEquals } from "@std/assert";
import { columnSums, matmulNN, matmulNT, matmulTN } from "./matmul_reference.ts";
import {
  centralDifferences,
  dot,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

const sizes = { m: 5, n: 3, k: 7 };
const { m, n, k } = sizes;

function transpose(x: Float64Array, rows: number, cols: number): Float64Array {
  return x.map((_, i) => x[(i % rows) * cols + Math.floor(i / rows)]);
}

Deno.test("matmulNN() multiplies a hand-made pair", () => {
  const a = Float64Array.of(1, 2, 3, 4, 5, 6), b = Float64Array.of(7, 8, 9, 10, 11, 12);
  assertEquals(matmulNN(a, b, { m: 2, n: 2, k: 3 }), Float64Array.of(58, 64, 139, 154));
});

Deno.test("matmulNT() and matmulTN() equal matmulNN() of the transposed operand", () => {
  const a = seededValues(m * k, 1), b = seededValues(k * n, 2);
  const expected = matmulNN(a, b, sizes);
  assert(relativeError(matmulNT(a, transpose(b, k, n), sizes), expected) < 1e-14);
  assert(relativeError(matmulTN(transpose(a, m, k), b, sizes), expected) < 1e-14);
});

Deno.test("matmulNT(), matmulTN() and columnSums() give the gradients of x·W + b", () => {
  const x = seededValues(m * k, 3), weight = seededValues(k * n, 4), bias = seededValues(n, 5);
  const dy = seededValues(m * n, 6);
  const loss = () => dot(matmulNN(x, weight, sizes).map((y, i) => y + bias[i % n]), dy);
  const gradients: [Float64Array, Float64Array][] = [
    [matmulNT(dy, weight, { m, n: k, k: n }), x],
    [matmulTN(x, dy, { m: k, n, k: m }), weight],
    [columnSums(dy, m, n), bias],
  ];
  for (const [gradient, variable] of gradients) {
    assert(relativeError(gradient, centralDifferences(loss, variable)) < finiteDifferenceTolerance);
  }
});
