import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { pairedRatio, reach } from "./paired_ratio.ts";

const byRound = (values: readonly number[]) => new Map(values.map((value, round) => [round, value]));

Deno.test("pairedRatio() cancels a drift that both sides share", () => {
  const { ratio, interval, rounds } = pairedRatio(byRound([15, 30, 60]), byRound([10, 20, 40]))!;
  for (const value of [ratio, interval!.low, interval!.high]) assertAlmostEquals(value, 1.5, 1e-12);
  assertEquals(rounds, 3);
});

Deno.test("pairedRatio() is the geometric mean of the rounds that both sides have", () => {
  const paired = pairedRatio(new Map([[0, 8], [2, 18]]), new Map([[0, 10], [1, 10], [2, 10], [3, 10]]))!;
  assertAlmostEquals(paired.ratio, 1.2, 1e-12);
  assertEquals(paired.rounds, 2);
  assertEquals(pairedRatio(new Map([[0, 1]]), new Map([[1, 1]])), null);
});

Deno.test("pairedRatio() tells no interval of one or two rounds, and Student's of three", () => {
  for (const rounds of [1, 2]) {
    const paired = pairedRatio(byRound(Array(rounds).fill(2)), byRound([1, 1, 1]))!;
    assertEquals([paired.interval, reach(paired)], [null, null]);
  }
  // Logarithms of −1, 0 and 1 points: the mean 0 ± 4.303 / √3 points.
  const paired = pairedRatio(
    byRound([-1, 0, 1].map((points) => Math.exp(points / 100))),
    byRound([1, 1, 1]),
  )!;
  assertAlmostEquals(Math.log(paired.interval!.high), 0.043027 / Math.sqrt(3), 1e-6);
  assertAlmostEquals(Math.log(paired.interval!.low), -0.043027 / Math.sqrt(3), 1e-6);
  assertAlmostEquals(reach(paired)!, Math.exp(0.043027 / Math.sqrt(3)) - 1, 1e-6);
});

Deno.test("pairedRatio() of b and a is the reciprocal of that of a and b, the interval too", () => {
  const [a, b] = [byRound([10, 12, 11, 14]), byRound([9, 12, 13, 11])];
  const [one, other] = [pairedRatio(a, b)!, pairedRatio(b, a)!];
  assertAlmostEquals(one.ratio * other.ratio, 1, 1e-12);
  assertAlmostEquals(one.interval!.low * other.interval!.high, 1, 1e-12);
});

Deno.test("pairedRatio()'s interval holds the ratio 95 times in 100, of few rounds as of many", () => {
  const random = new Random(1);
  for (const rounds of [3, 6, 20]) {
    const times = 4000;
    let held = 0;
    for (let i = 0; i < times; i++) {
      // What a round does to both cancels; what it does to one alone has a standard deviation of 1%.
      const shared = Array.from({ length: rounds }, () => Math.exp(0.3 * random.normal()));
      const own = shared.map((factor) => 0.9 * factor * Math.exp(0.01 * random.normal()));
      const { low, high } = pairedRatio(byRound(own), byRound(shared))!.interval!;
      if (low <= 0.9 && 0.9 <= high) held++;
    }
    // Four standard errors of a share of 95% in 4000.
    assert(Math.abs(held / times - 0.95) < 0.014, `${held / times} of ${rounds} rounds`);
  }
});
