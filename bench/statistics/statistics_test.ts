import { assertAlmostEquals, assertEquals } from "@std/assert";
import { meanInterval, pairedTest, summarize } from "./statistics.ts";

Deno.test("summarize() gives the median and the median absolute deviation", () => {
  assertEquals(summarize([5, 1, 2, 100, 3]), { median: 3, deviation: 2 });
});

Deno.test("summarize() of one value has no deviation", () => {
  assertEquals(summarize([7]), { median: 7, deviation: 0 });
});

Deno.test("summarize() gives null for an empty sample", () => {
  assertEquals(summarize([]), null);
});

Deno.test("meanInterval() is Student's: 1, 2, 3 give 2 ± 4.303 · 1/√3", () => {
  const { mean, deviation, low, high } = meanInterval([1, 2, 3]);
  assertEquals([mean, deviation], [2, 1]);
  assertAlmostEquals(high - mean, 4.3027 / Math.sqrt(3), 1e-4);
  assertAlmostEquals(mean - low, high - mean, 1e-12);
});

Deno.test("pairedTest() counts the mean in standard errors", () => {
  // Mean 2, standard deviation 1, so a standard error of 1/√3.
  const { t, degrees, p } = pairedTest([1, 2, 3])!;
  assertAlmostEquals(t, 2 * Math.sqrt(3), 1e-12);
  assertEquals(degrees, 2);
  // P(|T| > t) with 2 degrees of freedom is 1 − t/√(t² + 2).
  assertAlmostEquals(p, 1 - t / Math.sqrt(t ** 2 + 2), 1e-6);
});

Deno.test("pairedTest() of differences without spread is sure either way", () => {
  assertEquals(pairedTest([0, 0])?.p, 1);
  assertEquals(pairedTest([1, 1]), { t: Infinity, degrees: 1, p: 0 });
});

Deno.test("pairedTest() of a single pair says nothing", () => {
  assertEquals(pairedTest([1]), null);
});
