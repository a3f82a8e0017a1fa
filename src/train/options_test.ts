import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { learningRateAt } from "./options.ts";

const schedule = { warmupSteps: 10, totalSteps: 110, minimumFraction: 0.1 };

Deno.test("learningRateAt() is constant without a schedule", () => {
  assertEquals([1, 500].map((step) => learningRateAt(step, 0.3)), [0.3, 0.3]);
});

Deno.test("learningRateAt() warms up from its first step on, and reaches the full rate", () => {
  assertEquals([1, 5, 10].map((step) => learningRateAt(step, 2, schedule)), [0.2, 1, 2]);
  assert(learningRateAt(1, 2, { ...schedule, warmupSteps: 0 }) < 2);
});

Deno.test("learningRateAt() follows half a cosine down to the smallest rate, and stays there", () => {
  assertAlmostEquals(learningRateAt(60, 2, schedule), 2 * (0.1 + 0.9 / 2));
  assertAlmostEquals(learningRateAt(110, 2, schedule), 0.2);
  assertAlmostEquals(learningRateAt(1000, 2, schedule), 0.2);
  const rates = Array.from({ length: 101 }, (_, i) => learningRateAt(10 + i, 2, schedule));
  assert(rates.every((rate, i) => i === 0 || rate < rates[i - 1]));
});
