import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { Cell } from "../report/cell_rounds.ts";
import { fakeRecord } from "../results/testing.ts";
import { driftingSpeed, pairedSpeed, separateSpeed, type SpeedRatio, verdictOf } from "./speed.ts";

/** A cell whose rounds took so long a step, and the reference so long beside them. */
const cell = (steps: readonly number[], reference?: readonly Record<string, number>[]) =>
  new Cell(steps.map((step, round) =>
    fakeRecord({ round }, {
      timing: {
        clock: "gpu",
        stepMilliseconds: [step],
        setupMilliseconds: 1,
        ...reference && { reference: reference[round] },
      },
    })
  ));

const interval = (low: number | null, high: number | null): SpeedRatio => ({
  ratio: 1,
  low,
  high,
  rounds: 5,
});

Deno.test("verdictOf() wants the whole interval beyond or within the tolerance", () => {
  const cases: [number | null, number | null, string][] = [
    [1.03, 1.05, "faster"],
    [1.01, 1.05, "unsure"],
    [0.99, 1.01, "same"],
    [0.985, 0.99, "same"],
    [0.97, 0.99, "unsure"],
    [0.94, 0.97, "slower"],
    [0.9, 1.1, "unsure"],
    [null, null, "unsure"],
  ];
  for (const [low, high, verdict] of cases) assertEquals(verdictOf(interval(low, high), 0.02), verdict);
});

Deno.test("pairedSpeed() cancels what both had in a round, and tells no interval of one round", () => {
  const [base, own] = [cell([10, 30, 20]), cell([11, 33, 22])];
  const { ratio, low, high, rounds } = pairedSpeed(base, own)!;
  for (const value of [ratio, low!, high!]) assertAlmostEquals(value, 1 / 1.1, 1e-12);
  assertEquals(rounds, 3);
  assertEquals(pairedSpeed(cell([10]), cell([20])), {
    ratio: Math.exp(Math.log(0.5)),
    low: null,
    high: null,
    rounds: 1,
  });
});

Deno.test("No interval is told of fewer than three rounds on a side, by turns or not", () => {
  const [two, three] = [[10, 11], [10, 11, 12]];
  for (
    const [base, own, rounds] of [[two, two, 2], [three, two, 2], [two, three, 2], [[10], three, 1]] as const
  ) {
    for (
      const speed of [
        separateSpeed(base, own)!,
        pairedSpeed(cell(base), cell(own))!,
        driftingSpeed(cell(base), cell(own))!.speed,
      ]
    ) {
      assertEquals([speed.low, speed.high, speed.rounds], [null, null, rounds]);
      assertEquals(verdictOf(speed, 0.02), "unsure");
    }
  }
  assertEquals(separateSpeed([10, 10, 10], [20, 20])!.ratio, Math.exp(Math.log(10) - Math.log(20)));
  assert(separateSpeed(three, three)!.low !== null && separateSpeed([], three) === null);
});

Deno.test("separateSpeed() is Welch's interval of the logarithms", () => {
  // Logarithms of −1, 0, 1 and of −2, 0, 2 points around 5 points: variances 1/3 and 4/3 of means, 50/17 degrees of freedom.
  const logs = (...points: number[]) => points.map((point) => Math.exp(point / 100));
  const { ratio, low, high } = separateSpeed(logs(4, 5, 6), logs(-2, 0, 2))!;
  assertAlmostEquals(Math.log(ratio), 0.05, 1e-12);
  const reach = 0.01 * Math.sqrt(5 / 3) * 3.218759; // Student's 97.5% point of 2.941 degrees
  assertAlmostEquals(Math.log(high!), 0.05 + reach, 1e-5);
  assertAlmostEquals(Math.log(low!), 0.05 - reach, 1e-5);
  assertEquals(separateSpeed([2, 2, 2], [1, 1, 1]), { ratio: 2, low: 2, high: 2, rounds: 3 });
});

Deno.test("separateSpeed()'s interval holds the ratio 95 times in 100", () => {
  const random = new Random(1);
  const times = 500;
  let held = 0;
  for (let i = 0; i < times; i++) {
    const sample = (deviation: number) =>
      Array.from({ length: 5 }, () => Math.exp(deviation * random.normal()));
    const { low, high } = separateSpeed(sample(0.01), sample(0.03))!;
    if (low! <= 1 && 1 <= high!) held++;
  }
  assert(Math.abs(held / times - 0.95) < 0.039, `${held / times}`); // four standard errors
});

Deno.test("driftingSpeed() covers the ratio as it is and in units of the reference, so that a slower machine convicts nobody", () => {
  const reference = (factor: number) => Array.from({ length: 3 }, () => ({ arithmetic: factor, memory: 2 }));
  const base = cell([10, 10.1, 9.9], reference(1));
  // The machine computes 10% slower in the second run, and so does the cell.
  const slow = driftingSpeed(base, cell([11, 11.1, 10.9], reference(1.1)))!;
  assert(slow.known && slow.speed.low! < 0.92 && slow.speed.high! > 1);
  assertEquals(verdictOf(slow.speed, 0.02), "unsure");
  // The machine is what it was, and the cell is slower.
  const own = driftingSpeed(base, cell([11, 11.1, 10.9], reference(1)))!;
  assertEquals(verdictOf(own.speed, 0.02), "slower");
  assertEquals(driftingSpeed(base, cell([11, 11.1, 10.9]))!.known, false);
  assertEquals(driftingSpeed(base, cell([])), null);
});

Deno.test("Ten rounds with a noise of 1% find a slow-down of 5% each time, and nothing where nothing is", () => {
  const random = new Random(2);
  const verdicts = (factor: number) =>
    Array.from({ length: 200 }, () => {
      const rounds = Array.from({ length: 10 }, () => Math.exp(0.2 * random.normal())); // what drifts
      const side = (factor: number) =>
        cell(rounds.map((drift) => 10 * factor * drift * Math.exp(0.01 * random.normal())));
      return verdictOf(pairedSpeed(side(1), side(factor))!, 0.02);
    });
  const nothing = verdicts(1);
  assert(nothing.every((verdict) => verdict === "same" || verdict === "unsure"));
  assert(nothing.filter((verdict) => verdict === "same").length > 190);
  assert(verdicts(1.05).filter((verdict) => verdict === "slower").length > 190);
});
