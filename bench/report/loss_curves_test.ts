import { assertAlmostEquals, assertEquals } from "@std/assert";
import { compare } from "./cell_rounds.ts";
import { alongSteps, lossCurves, lossDifferences } from "./loss_curves.ts";
import { fakeQuality, fakeRecord } from "../results/testing.ts";

const ramp = (start: number, length = 40) => Array.from({ length }, (_, i) => start - i);

const trained = (policy: string, seed: number, trainingLosses: (number | null)[]) =>
  fakeRecord({ policy, seed, round: seed - 1 }, { quality: fakeQuality(3, { trainingLosses }) });

/** 40 steps: an average covers two. `mesa8` lies 0.5 above `exact` from seed 1 and 0.1 above it from seed 2. */
const comparisons = compare([
  trained("exact", 1, ramp(50)),
  trained("mesa8", 1, ramp(50.5)),
  trained("exact", 2, ramp(52)),
  trained("mesa8", 2, ramp(52.1)),
]);

Deno.test("alongSteps() averages over a twentieth of the run", () => {
  assertEquals(alongSteps([ramp(40)], ([average]) => ({ average })).slice(0, 2), [
    { average: 39.5, step: 2 },
    { average: 38.5, step: 3 },
  ]);
});

Deno.test("alongSteps() thins long runs to about a hundred points", () => {
  const found = alongSteps([ramp(0, 1000)], () => ({}));
  assertEquals([found.length, found[0].step, found[1].step], [96, 50, 60]);
});

Deno.test("alongSteps() leaves out what is not a number, and runs of few steps", () => {
  const broken = ramp(40).map((loss, i) => i < 20 ? loss : null);
  assertEquals(alongSteps([ramp(40), broken], () => ({})).at(-1), { step: 20 });
  assertEquals(alongSteps([ramp(9, 9)], () => ({})), []);
  assertEquals(alongSteps([], () => ({})), []);
});

Deno.test("lossCurves() gives the mean over the seeds, and the band between them", () => {
  const [first] = lossCurves(comparisons);
  assertEquals(first, {
    shape: "nano, 4 × 128",
    policy: "exact",
    loss: 50.5,
    low: 49.5,
    high: 51.5,
    step: 2,
  });
});

Deno.test("lossDifferences() pairs seeds, beside the spread of exact's own", () => {
  const found = lossDifferences(comparisons);
  const [band] = found;
  assertEquals([band.shape, band.policy, band.step], ["nano, 4 × 128", undefined, 2]);
  assertAlmostEquals(band.high!, Math.SQRT2, 1e-12); // averages 49.5 and 51.5
  assertAlmostEquals(band.low!, -Math.SQRT2, 1e-12);
  const line = found.filter(({ policy }) => policy === "mesa8");
  assertEquals(line.length, 39);
  for (const { difference } of line) assertAlmostEquals(difference!, 0.3, 1e-9);
});

Deno.test("lossDifferences() has no band where exact has one seed, and nothing without another policy", () => {
  const exact = trained("exact", 1, ramp(50));
  const found = lossDifferences(compare([exact, trained("mesa8", 1, ramp(50.5))]));
  assertEquals(found.length, 39);
  assertEquals(found[0], { shape: "nano, 4 × 128", policy: "mesa8", difference: 0.5, step: 2 });
  assertEquals(lossDifferences(compare([exact])), []);
});
