import { assertEquals, assertStringIncludes } from "@std/assert";
import type { CellConfiguration } from "../results/results.ts";
import { fakeQuality, fakeRecord } from "../results/testing.ts";
import { qualitySection } from "./quality_section.ts";
import { answersPage } from "./results_page.ts";
import { only, rows, sweep, trained } from "./testing.ts";

Deno.test("qualitySection() tells the verdicts, and what those cost at most that do not measurably harm", () => {
  // Differences 0.01, 0.02, 0.03 and 2.99, 3, 3.01: mean ± 0.0358, 6.2053 standard errors of 0.01 / √3: Student's t at a quarter of 5% for one
  // of four policies, with two degrees of freedom. exact's mean is 2.
  const section = qualitySection(only({
    quality: sweep(
      ...trained("exact", [1, 2, 3]),
      ...trained("half", [0.98, 1.99, 2.97]),
      ...trained("mesa8", [1.01, 2.02, 3.03]),
      ...trained("mesa2", [3.99, 5, 6.01]),
      ...trained("mesa4", [1, 2, null]),
    ),
  }))!;
  assertStringIncludes(
    section,
    "beside `exact`'s, by the test of equivalence: after 30 steps of 3 seeds `half` and `mesa8` are undecided; `mesa2` is worse; `mesa4` (1 of 3 seeds) diverged.",
  );
  assertStringIncludes(
    section,
    "At most, by the intervals of the test of equivalence, `half` costs 0.0159 nats (0.80% of the loss) and `mesa8` costs 0.0559 nats (2.80% of the loss).",
  );
  assertEquals(rows(section).slice(2).map(([policy, , most, verdict]) => [policy, most, verdict]), [
    ["`half`", "+0.80%", "undecided"],
    ["`mesa8`", "+2.80%", "undecided"],
    ["`mesa2`", "+151.80%", "worse"],
    ["`mesa4`", "–", "diverged"],
  ]);
  assertStringIncludes(section, "passed: 2 bits must be worse (`mesa2`): worse.");
  assertEquals(rows(section)[3][1], "+0.0200 (-0.0158 to +0.0558), 3");
  assertEquals(rows(section)[5][1], "not a number, 3");
});

Deno.test("qualitySection() tells of blocks made again by a report of their own, beside the answer", () => {
  const reports = only({
    quality: sweep(...trained("exact", [1, 2, 3]), ...trained("mesa8", [1, 2, 3])),
    qualityRecompute: sweep(
      ...trained("exact", [1, 2, 3]),
      ...trained("mst8", [1.5, 2.5, 3.5]),
      ...trained("mesa8", [1, 3, 5]),
    ),
  });
  const section = qualitySection(reports)!;
  const told =
    "Final losses of nano beside `exact`'s, by the test of equivalence: after 30 steps of 3 seeds `mesa8` is equivalent; after 30 steps of " +
    "3 seeds `mst8` is worse.";
  assertEquals(section.split("\n\n")[1], told);
  assertEquals(rows(section).at(-2), ["`mst8`", "+0.5000 (+0.5000 to +0.5000), 3", "+25.00%", "worse"]);
  assertStringIncludes(answersPage(reports), told);
});

Deno.test("qualitySection() tells how a longer run of one seed ends, on how much of its corpus, beside what rounding alone does", () => {
  const run = (policy: string, loss: number, changes: Partial<CellConfiguration> = {}) =>
    fakeRecord({ model: "mini", qualitySteps: 1329, policy, ...changes }, { quality: fakeQuality(loss) });
  const section = qualitySection(only({
    quality: sweep(...trained("exact", [3, 3, 3]), ...trained("mesa8", [3, 3, 3])),
    qualityCurve: sweep(run("exact", 2), run("half", 1.999, { kernels: "other" }), run("mesa8", 2.01)),
  }))!;
  assertStringIncludes(
    section,
    "One seed of mini, trained on 680,448 tokens in windows from anywhere in a corpus of 900, for 1329 steps, ends at `mesa8` +0.50% and `half` -0.05% of `exact`'s loss, the last by other rounding alone; one seed",
  );
  const without = qualitySection(only({
    quality: sweep(...trained("exact", [3, 3, 3]), ...trained("mesa8", [3, 3, 3])),
    qualityCurve: sweep(run("exact", 2), run("mesa8", 2.08)),
  }))!;
  assertStringIncludes(without, "ends at `mesa8` +4.00% of `exact`'s loss; one seed settles nothing.");
});
