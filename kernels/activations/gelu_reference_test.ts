import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { gelu, geluDerivative, normalDistribution } from "./gelu_reference.ts";
import {
  centralDifferences,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

const kinds = ["tanh", "erf"] as const;

Deno.test("gelu() equals the tanh formula", () => {
  for (const x of seededValues(101, 1, 6)) {
    const expected = 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    assertAlmostEquals(gelu(x), expected, 1e-14);
    assertEquals(gelu(x, "tanh"), gelu(x));
  }
});

Deno.test("normalDistribution() equals values of 18 digits, its tail relatively", () => {
  // mpmath's ncdf(x) at 30 digits.
  const values = [
    [-12, 1.776482112077679e-33],
    [-6, 9.86587645037698141e-10],
    [-3, 0.00134989803163009453],
    [-2, 0.0227501319481792072],
    [-1.5, 0.066807201268858066],
    [-0.25, 0.401293674317076276],
    [1, 0.841344746068542949],
    [2.5, 0.993790334674223865],
  ];
  for (const [x, expected] of values) {
    assertAlmostEquals(normalDistribution(x) / expected, 1, x < 0 ? 1e-14 : 1e-15, `x = ${x}`);
  }
  // The series and the continued fraction meet at ±2.
  for (const x of [-2, 2]) {
    assertAlmostEquals(normalDistribution(x * (1 - 2e-16)), normalDistribution(x), 1e-15);
  }
});

Deno.test("gelu() of kind erf is x·Φ(x)", () => {
  assertAlmostEquals(gelu(-1.5, "erf"), -0.100210801903287099, 1e-15);
  assertAlmostEquals(gelu(0.75, "erf"), 0.580029485717348851, 1e-15);
  assertAlmostEquals(geluDerivative(0.75, "erf"), 0.999225721739235104, 1e-15);
});

Deno.test("geluDerivative() equals central differences", () => {
  for (const kind of kinds) {
    const x = seededValues(101, 2, 6);
    const sum = () => x.reduce((total, value) => total + gelu(value, kind), 0);
    const derivative = x.map((value) => geluDerivative(value, kind));
    assert(relativeError(derivative, centralDifferences(sum, x)) < finiteDifferenceTolerance, kind);
  }
});

Deno.test("gelu() and geluDerivative() keep their limits far out", () => {
  for (const kind of kinds) {
    for (const x of [30, 100, 1e4]) {
      assertEquals(gelu(x, kind), x);
      assertEquals(geluDerivative(x, kind), 1);
      assertAlmostEquals(gelu(-x, kind), 0, 1e-100);
      assertAlmostEquals(geluDerivative(-x, kind), 0, 1e-100);
    }
  }
});
