import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { equivalenceTest, holm } from "./equivalence.ts";
import { meanInterval } from "./statistics.ts";

Deno.test("equivalenceTest() equals what is computed by hand", () => {
  // Mean 0.02, standard error 0.01/√3. With two degrees of freedom P(T > t) = (1 − t/√(2 + t²))/2, and t = 0.03√3/0.01 = √27.
  assertAlmostEquals(equivalenceTest([0.01, 0.02, 0.03], 0.05), (1 - Math.sqrt(27 / 29)) / 2, 1e-9);
  assertAlmostEquals(equivalenceTest([-0.01, -0.02, -0.03], 0.05), (1 - Math.sqrt(27 / 29)) / 2, 1e-9);
  // At the margin itself t is 0; beyond it, at 0.01, t = −√3.
  assertAlmostEquals(equivalenceTest([0.01, 0.02, 0.03], 0.02), 0.5, 1e-9);
  assertAlmostEquals(equivalenceTest([0.01, 0.02, 0.03], 0.01), (1 + Math.sqrt(3 / 5)) / 2, 1e-9);
});

Deno.test("equivalenceTest() of differences without spread depends on their mean alone", () => {
  assertEquals(equivalenceTest([0, 0, 0], 0.1), 0);
  assertEquals(equivalenceTest([0.25, 0.25], 0.5), 0);
  for (const mean of [0.5, -0.5, 1]) assertEquals(equivalenceTest([mean, mean], 0.5), 1);
});

Deno.test("equivalenceTest() at a level says what the interval of confidence 1 − 2 · level says", () => {
  const random = Random.for(1, "intervals");
  let within = 0;
  for (let trial = 0; trial < 200; trial++) {
    const differences = Array.from({ length: 5 }, () => 0.4 + random.normal());
    for (const level of [0.05, 0.01]) {
      const { low, high } = meanInterval(differences, 1 - 2 * level);
      const inside = low > -1.5 && high < 1.5;
      assertEquals(equivalenceTest(differences, 1.5) <= level, inside);
      within += Number(inside);
    }
  }
  assert(within > 50 && within < 350, `${within} of 400`);
});

/** The share of trials in which some of the policies with these true costs, in margins, pass that must not, and in which all pass. */
function errors(costs: number[], { seeds, deviation }: { seeds: number; deviation: number }) {
  const random = Random.for(2, "error rates");
  const trials = 2000 / costs.length;
  let [wrong, all] = [0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const ps = costs.map((cost) =>
      equivalenceTest(Array.from({ length: seeds }, () => cost + deviation * random.normal()), 1)
    );
    const passed = holm(ps, 0.05).map(({ rejected }) => rejected);
    wrong += Number(costs.some((cost, i) => Math.abs(cost) >= 1 && passed[i]));
    all += Number(passed.every((one) => one));
  }
  return { wrong: wrong / trials, all: all / trials };
}

/** Three standard deviations of a share of 5% in as many trials as so many policies have. */
const chance = (policies: number) => 3 * Math.sqrt(0.05 * 0.95 * policies / 2000);

Deno.test("A policy that costs exactly the margin passes one time in twenty, with few seeds or many", () => {
  for (const seeds of [3, 12]) {
    for (const cost of [1, -1]) {
      const { wrong } = errors([cost], { seeds, deviation: 0.2 });
      assert(Math.abs(wrong - 0.05) < chance(1), `${wrong} with ${seeds} seeds at ${cost}`);
    }
  }
});

Deno.test("Among several policies some that costs the margin passes at most one time in twenty", () => {
  for (const costs of [[1, 1, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1.5]]) {
    const { wrong } = errors(costs, { seeds: 12, deviation: 0.5 });
    assert(wrong < 0.05 + chance(costs.length), `${wrong} of ${costs}`);
  }
});

Deno.test("Policies that cost nothing pass nearly always where pairs deviate by less than the margin, and seldom where by far more", () => {
  const costs = [0, 0, 0, 0, 0];
  assert(errors(costs, { seeds: 12, deviation: 0.5 }).all > 0.95);
  assert(errors(costs, { seeds: 12, deviation: 3 }).all < 0.05);
});

Deno.test("holm() rejects in order until one stands, each held to its own level", () => {
  // 0.005 ≤ 0.05/4, 0.01 ≤ 0.05/3, and 0.03 > 0.05/2 ends it: 0.04 would pass alone.
  assertEquals(holm([0.01, 0.04, 0.03, 0.005], 0.05), [
    { level: 0.05 / 3, rejected: true },
    { level: 0.05 / 2, rejected: false },
    { level: 0.05 / 2, rejected: false },
    { level: 0.05 / 4, rejected: true },
  ]);
  assertEquals(holm([0.05], 0.05), [{ level: 0.05, rejected: true }]);
  assertEquals(holm([], 0.05), []);
});
