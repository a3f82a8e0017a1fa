import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { CellMeasurement, CellRecord } from "../results/results.ts";
import { failed } from "../results/results.ts";
import { fakeErrors, fakeHeader, fakeQuality, fakeRecord } from "../results/testing.ts";
import { summarizeSweep, sweepSummary } from "./sweep_summary.ts";

/** Records of one policy, a round and a seed each. */
const rounds = (policy: string, ...measurements: Partial<CellMeasurement>[]) =>
  measurements.map((measurement, round) => fakeRecord({ policy, round, seed: round + 1 }, measurement));

function cellsOf(records: readonly CellRecord[]) {
  const summary = summarizeSweep("folder", { header: fakeHeader(records), records });
  assertEquals(sweepSummary.parse(summary), summary);
  return summary.cells;
}

Deno.test("summarizeSweep() tells of a cell its first failure, and counts the rounds that came to no end, too", () => {
  const oom = { ...failed("oom", "too much"), wantedBytes: 2 ** 30 };
  const [exact, mesa8] = cellsOf([
    ...rounds("exact", {}, {}, {}),
    ...rounds("mesa8", {}, oom, failed("timeout", "no answer")),
  ]);
  assertEquals([exact.status, exact.message, exact.wantedBytes, exact.rounds], ["ok", null, null, 3]);
  assertEquals([mesa8.status, mesa8.message, mesa8.wantedBytes, mesa8.rounds], [
    ...["oom", "too much", 2 ** 30, 3],
  ]);
  assertEquals([mesa8.stepMilliseconds, mesa8.speed?.ratio, mesa8.quality?.seeds], [11, 1, 1]);
});

Deno.test("summarizeSweep() tells speeds by what ran where exact did not, and says by what", () => {
  const cells = cellsOf([
    ...rounds("exact", failed("oom", "too much")),
    ...rounds("mesa8", {}),
    ...rounds("token8", {}),
  ]);
  assertEquals(cells.map(({ speed }) => speed && [speed.against, speed.ratio]), [
    ...[null, ["mesa8", 1], ["mesa8", 1]],
  ]);
});

Deno.test("summarizeSweep() tells no mean of losses of which one is no number, nor of gradients that were not compared", () => {
  const losses = (...values: (number | null)[]) => values.map((loss) => ({ quality: fakeQuality(loss) }));
  const compared = [0.1, 0.3].map((error) => ({
    quality: fakeQuality(3, { gradientErrors: [fakeErrors(1, error)] }),
  }));
  const qualities = cellsOf([
    ...rounds("exact", ...losses(3, 4)),
    ...rounds("mesa8", ...losses(3, null)),
    ...rounds("token8", ...losses(null, null)),
    ...rounds("half", ...compared),
    ...rounds("mesa2", { quality: null }),
  ]).map(({ quality }) => quality);
  assertEquals(qualities.map((quality) => quality?.validationLoss), [3.5, null, null, 3, undefined]);
  assertEquals(qualities[0]!.gradientError, null);
  assertAlmostEquals(qualities[3]!.gradientError!, 0.2, 1e-15);
  assertEquals([qualities[1]!.seeds, qualities[0]!.validationTop1, qualities[4]], [2, null, null]);
});
