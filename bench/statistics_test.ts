import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { meanInterval, pairedRatio, summarize, welchTest } from "./statistics.ts";

Deno.test("summarize() gives the median and the median absolute deviation", () => {
  assertEquals(summarize([5, 1, 2, 100, 3]), { median: 3, deviation: 2 });
});

Deno.test("summarize() of one value has no deviation", () => {
  assertEquals(summarize([7]), { median: 7, deviation: 0 });
});

Deno.test("summarize() gives null for an empty sample", () => {
  assertEquals(summarize([]), null);
});

Deno.test("pairedRatio() cancels a drift that both sides share", () => {
  const base = new Map([[0, 10], [1, 20], [2, 40]]);
  const values = new Map([[0, 15], [1, 30], [2, 60]]);
  assertEquals(pairedRatio(values, base), { median: 1.5, low: 1.5, high: 1.5, rounds: 3 });
});

Deno.test("pairedRatio() uses only the rounds that both sides have", () => {
  const ratio = pairedRatio(new Map([[0, 11], [2, 13]]), new Map([[0, 10], [1, 10], [2, 10], [3, 10]]))!;
  assertAlmostEquals(ratio.median, 1.2);
  assertEquals([ratio.low, ratio.high, ratio.rounds], [1.1, 1.3, 2]);
});

Deno.test("pairedRatio() gives null without a common round", () => {
  assertEquals(pairedRatio(new Map([[0, 1]]), new Map([[1, 1]])), null);
});

Deno.test("meanInterval() is Student's: 1, 2, 3 give 2 ± 4.303 · 1/√3", () => {
  const { mean, deviation, low, high } = meanInterval([1, 2, 3]);
  assertEquals([mean, deviation], [2, 1]);
  assertAlmostEquals(high - mean, 4.3027 / Math.sqrt(3), 1e-4);
  assertAlmostEquals(mean - low, high - mean, 1e-12);
});

Deno.test("welchTest() counts standard errors, with degrees of freedom between those of the samples", () => {
  // Variances 1 and 4, three values each: standard error √(1/3 + 4/3), degrees (5/3)² / ((1/9 + 16/9) / 2) = 50/17.
  const { t, degrees, p } = welchTest([1, 2, 3], [2, 4, 6])!;
  assertAlmostEquals(t, -2 / Math.sqrt(5 / 3), 1e-12);
  assertAlmostEquals(degrees, 50 / 17, 1e-12);
  assert(p > 0.219 && p < 0.261); // what 3 and 2 degrees would give
});

Deno.test("welchTest() of samples without spread is sure either way", () => {
  assertEquals(welchTest([1, 1], [1, 1])?.p, 1);
  assertEquals(welchTest([2, 2], [1, 1]), { t: Infinity, degrees: 2, p: 0 });
});

Deno.test("welchTest() of a single value says nothing", () => {
  assertEquals(welchTest([1], [1, 2]), null);
});
