import { assertAlmostEquals, assertEquals } from "@std/assert";
import { pairedRatio, summarize } from "./statistics.ts";

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
