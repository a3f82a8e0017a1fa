import { assert, assertAlmostEquals, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { type Cell, compare } from "./cell_rounds.ts";
import { costAtMost, judge, parityOf, paritySection } from "./parity.ts";
import { fakeQuality, fakeRecord } from "../results/testing.ts";

/** Comparisons of `exact` and `mesa8` with these final losses, a seed each. */
const trained = (exact: (number | null)[], mesa8: (number | null)[]) =>
  compare(
    [["exact", exact], ["mesa8", mesa8]].flatMap(([policy, losses]) =>
      (losses as (number | null)[]).map((loss, i) =>
        fakeRecord({ policy: policy as string, seed: i + 1, round: i }, { quality: fakeQuality(loss) })
      )
    ),
  );

const parity = (...losses: Parameters<typeof trained>) => {
  const [{ cells }] = trained(...losses);
  return parityOf(cells.get("mesa8") as Cell, cells.get("exact") as Cell);
};

Deno.test("parityOf() takes differences seed by seed", () => {
  // Differences 0.01, 0.02, 0.03: mean 0.02, deviation 0.01, interval ± 4.3027 · 0.01 / √3. exact: 1, 2, 3 deviate by 1.
  const { seeds, difference, spread, verdict } = parity([1, 2, 3], [1.01, 2.02, 3.03])!;
  assertEquals([seeds, spread, verdict], [3, 1, "parity"]);
  assertAlmostEquals(difference!.mean, 0.02, 1e-12);
  assertAlmostEquals(difference!.deviation, 0.01, 1e-12);
  assertAlmostEquals(difference!.high, 0.02 + 0.024841, 1e-5);
});

Deno.test("parityOf() needs two seeds, and uses only those that both have", () => {
  assertEquals(parity([1], [1]), null);
  assertEquals(parity([1, 2, 3], [1]), null);
  assertEquals(parity([1, 2, 3], [1, 2])?.seeds, 2);
});

Deno.test("parityOf() calls a loss that is not a number diverged, unless exact's is none either", () => {
  assertEquals(parity([1, 2], [1, null])?.verdict, "diverged");
  assertEquals(parity([1, null], [1, null])?.verdict, "not settled");
});

Deno.test("costAtMost() is the interval's upper end, also of a policy that is better, as a share of exact's mean loss", () => {
  const { nats, share } = costAtMost(parity([2, 4, 6], [1.99, 3.98, 5.97])!)!; // -0.02 ± 0.024841, of 4
  assertAlmostEquals(nats, 0.004841, 1e-5);
  assertAlmostEquals(share, 0.001210, 1e-5);
  assertEquals(costAtMost(parity([1, 2], [1, null])!), null);
});

Deno.test("judge() follows the rules that the report states", () => {
  const verdict = (low: number, high: number) =>
    judge({ mean: (low + high) / 2, deviation: 0, low, high }, 1);
  assertEquals(verdict(-0.5, 0.9), "parity");
  assertEquals(verdict(0.1, 0.9), "parity"); // a difference that is there, and smaller than chance
  assertEquals(verdict(-0.5, 1.1), "no difference seen");
  assertEquals(verdict(0.1, 1.1), "not settled");
  assertEquals(verdict(-0.5, 3), "not settled");
  assertEquals(verdict(0.5, 3), "worse");
  assertEquals(verdict(-3, -0.5), "better");
});

Deno.test("paritySection() prints the statistics, and the remedy where something is unsettled", () => {
  // Differences 0 and 0.2: mean 0.1, deviation √(2 · 0.1²), reach 12.706 · 0.1414 / √2 = 1.2706. exact: 1 and 3 deviate by √2.
  // Their mean is 2, of which 1.3706 is 68.53 %.
  const settled = paritySection(trained([1, 3], [1, 3.2]))!;
  assertEquals(
    settled.split("\n\n")[0],
    `
| model |  tokens | policy | seeds |       difference |      95 % interval |        at most | at most, of the loss | spread | verdict |
| :---- | ------: | :----- | ----: | ---------------: | -----------------: | -------------: | -------------------: | -----: | :------ |
| nano  | 4 × 128 | mesa8  |     2 | +0.1000 ± 0.1414 | -1.1706 to +1.3706 | 1.3706 (0.97×) |              +68.53% | 1.4142 | parity  |
`.trim(),
  );
  assertFalse(settled.includes("--seeds"));
  const open = paritySection(trained([1, 2], [1, 2.2]))!; // the same interval beside a spread of 0.7071
  assertStringIncludes(open, "| 1.3706 (1.94×) |              +91.37% | 0.7071 | no difference seen |");
  assertStringIncludes(open, "`--seeds`");
});

Deno.test("paritySection() is null without two seeds, or without exact", () => {
  assertEquals(paritySection(trained([1], [1])), null);
  const [comparison] = trained([1, 2], [1, 2]);
  comparison.cells.delete("exact");
  assert(comparison.cells.size > 0);
  assertEquals(paritySection([comparison]), null);
});
