import { assert, assertAlmostEquals } from "@std/assert";
import { swiglu, swigluBackward } from "./swiglu_reference.ts";
import {
  centralDifferences,
  dot,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

const hidden = 5;

Deno.test("swiglu() is the gate, times its logistic function, times what stands beside", () => {
  const [y] = swiglu(Float64Array.of(2, 3), 1);
  assertAlmostEquals(y, 2 * 0.880797077977882444 * 3, 1e-14);
});

Deno.test("swigluBackward() equals central differences", () => {
  const h = seededValues(3 * 2 * hidden, 1, 6), d = seededValues(3 * hidden, 2);
  const numeric = centralDifferences(() => dot(swiglu(h, hidden), d), h);
  assert(relativeError(swigluBackward(d, h, hidden), numeric) < finiteDifferenceTolerance);
});
