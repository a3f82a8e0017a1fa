import { assert, assertEquals } from "@std/assert";
import {
  centralDifferences,
  dot,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";
import { softmaxBackward, softmaxForward } from "./softmax_reference.ts";

const cols = 7;
const seen = (row: number) => row + 1;
const s = seededValues(5 * cols, 1, 3);

Deno.test("softmaxForward() of equal scores shares 1 among what a row sees", () => {
  assertEquals(softmaxForward(Float64Array.of(2e3, 2e3, 2e3), 3, () => 2), Float64Array.of(0.5, 0.5, 0));
});

Deno.test("softmaxBackward() equals central differences", () => {
  const dP = seededValues(s.length, 2);
  const numeric = centralDifferences(() => dot(softmaxForward(s, cols, seen), dP), s);
  const error = relativeError(softmaxBackward(softmaxForward(s, cols, seen), dP, cols), numeric);
  assert(error < finiteDifferenceTolerance, `relative error ${error}`);
});
