import { assertAlmostEquals } from "@std/assert";
import { grownRate } from "./learning_rate.ts";

Deno.test("grownRate() grows by the root of the batch, falls by the width, and is the rate where nothing grows", () => {
  assertAlmostEquals(grownRate(1e-3, { batch: 1, width: 1 }), 1e-3, 1e-15);
  assertAlmostEquals(grownRate(1e-3, { batch: 4, width: 1 }), 2e-3, 1e-15);
  assertAlmostEquals(grownRate(1e-3, { batch: 1, width: 4 }), 2.5e-4, 1e-15);
  assertAlmostEquals(grownRate(6e-4, { batch: 9, width: 1.5 }), 1.2e-3, 1e-15);
});
