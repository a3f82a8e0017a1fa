import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { gelu, geluDerivative } from "./gelu_reference.ts";
import {
  centralDifferences,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "./reference_testing.ts";

Deno.test("gelu() equals the tanh formula", () => {
  for (const x of seededValues(101, 1, 6)) {
    const expected = 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    assertAlmostEquals(gelu(x), expected, 1e-14);
  }
});

Deno.test("geluDerivative() equals central differences", () => {
  const x = seededValues(101, 2, 6);
  const sum = () => x.reduce((total, value) => total + gelu(value), 0);
  assert(relativeError(x.map(geluDerivative), centralDifferences(sum, x)) < finiteDifferenceTolerance);
});

Deno.test("gelu() and geluDerivative() keep their limits far out", () => {
  for (const x of [20, 100, 1e4]) {
    assertEquals(gelu(x), x);
    assertEquals(geluDerivative(x), 1);
    assertAlmostEquals(gelu(-x), 0, 1e-100);
    assertAlmostEquals(geluDerivative(-x), 0, 1e-100);
  }
});
