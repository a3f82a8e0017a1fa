import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { fakeErrors, fakeImageRecord, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { CellConfiguration, CellMeasurement, CellRecord } from "../results/results.ts";
import { answers } from "./answers.ts";
import { compare } from "./cell_rounds.ts";

const told = (records: CellRecord[]) => answers(records, compare(records));
const lines = (records: CellRecord[]) => told(records).split("\n").filter((line) => line !== "");

/** Three rounds of a policy: milliseconds of each round's step, and buffers in MiB. */
const rounds = (
  policy: string,
  milliseconds: number[],
  mebibytes: number,
  { configuration = {}, measurement = {} }: {
    configuration?: Partial<CellConfiguration>;
    measurement?: Partial<CellMeasurement>;
  } = {},
) =>
  milliseconds.map((ms, round) =>
    fakeRecord({ policy, round, ...configuration }, {
      memory: { ...fakeMeasurement().memory!, bufferBytes: mebibytes * 2 ** 20 },
      timing: { ...fakeMeasurement().timing!, stepMilliseconds: [ms] },
      quality: null,
      ...measurement,
    })
  );

const exact = rounds("exact", [10, 10, 10], 100);
const mesa8 = rounds("mesa8", [10.3, 10.4, 10.5], 40);

Deno.test("answers() tell memory and speed of each policy, with the interval", () => {
  assertEquals(lines([...exact, ...mesa8]).slice(0, 2), [
    "Beside `exact`, over nano, 4 × 128:",
    "- `mesa8` takes **0.40×** of `exact`'s buffers at **0.962×** (0.939–0.985) of its speed.",
  ]);
});

Deno.test("answers() take no time of a process that shared its card, and say so", () => {
  // The first round of both was in company, and three times as slow; the driver's figure there was all programs'.
  const shared = (all: CellRecord[]) =>
    [0, 1, 2, 3].map((round) => {
      const { configuration, ...rest } = all[Math.max(0, round - 1)];
      const timing = {
        ...rest.timing!,
        ...round === 0 && { stepMilliseconds: [30] },
        reference: { work: round === 0 ? 3 : 1 },
      };
      const memory = { ...rest.memory!, driverBytes: round === 0 ? 2 ** 40 : 2 ** 30 };
      return { ...rest, configuration: { ...configuration, round }, timing, memory };
    });
  const records = [...shared(exact), ...shared(mesa8)];
  const said = lines(records);
  assertStringIncludes(said[1], "at **0.962×** (0.939–0.985) of its speed.");
  assertStringIncludes(
    said.join("\n"),
    "- Speed, where 2 of 8 processes timed steps: their card did other work",
  );
  const [{ cells }] = compare(records);
  const cell = cells.get("exact")!;
  assertEquals([cell.step!.median, cell.stepByRound.size, cell.driverBytes], [10, 3, 2 ** 30]);
});

Deno.test("answers() tell the ends of several models, and which they are", () => {
  const micro = { configuration: { model: "micro" } };
  const all = [
    ...exact,
    ...mesa8,
    ...rounds("exact", [10, 10, 10], 100, micro),
    ...rounds("mesa8", [20, 20, 20], 80, micro),
  ];
  assertEquals(lines(all).slice(0, 2), [
    "Beside `exact`, over 2 models and sizes:",
    "- `mesa8` takes **0.40×** [nano, 4 × 128] to **0.80×** [micro, 4 × 128] of `exact`'s buffers at **0.500×** (0.500–0.500) [micro, 4 × 128] to **0.962×** (0.939–0.985) [nano, 4 × 128] of its speed.",
  ]);
});

Deno.test("answers() tell who is beaten by whom, where rounds leave no doubt", () => {
  assertStringIncludes(told([...exact, ...mesa8]), "No policy is beaten by another");
  const half = rounds("half", [11.5, 11.6, 11.7], 60);
  assertStringIncludes(
    told([...exact, ...mesa8, ...half]),
    "Beaten in memory and speed together: `half` by `mesa8`; no other policy is.",
  );
  const asLarge = rounds("half", [11.5, 11.6, 11.7], 40);
  assertStringIncludes(told([...exact, ...mesa8, ...asLarge]), "`half` by `mesa8`; no other policy is.");
  const doubtful = rounds("half", [11, 10, 11], 60);
  assertStringIncludes(told([...exact, ...mesa8, ...doubtful]), "No policy is beaten");
  const later = rounds("half", [11, 12, 11, 11], 60).slice(2);
  assertStringIncludes(told([...exact, ...mesa8, ...later]), "No policy is beaten"); // they share but one round
  const once = [exact[0], mesa8[0], half[0]];
  assertFalse(told(once).includes("beaten"));
  const micro = { configuration: { model: "micro" } };
  const elsewhere = [...rounds("mesa8", [13, 13, 13], 40, micro), ...rounds("half", [12, 12, 12], 60, micro)];
  assertStringIncludes(
    told([...exact, ...mesa8, ...half, ...elsewhere]),
    "`half` by `mesa8` (nano, 4 × 128);",
  );
});

Deno.test("answers() say what was not proved: quality, few rounds, disagreement, what may be either way", () => {
  const plain = told([...exact, ...mesa8]).split("**Not proved**")[1];
  assertStringIncludes(plain, "- Quality: no loss was measured beside `exact`'s");
  const grown = fakeRecord({ policy: "mesa8", reinvested: { model: "nano", batch: 4, into: "batch" } });
  const spent = told([...exact, ...mesa8, { ...grown, quality: fakeQuality(3) }]);
  assertStringIncludes(spent, "- Quality at `exact`'s own size: no loss was measured beside `exact`'s");
  const trained = (seeds: number, policies = ["exact", "mesa8"]) =>
    told(
      policies.flatMap((policy) =>
        Array.from({ length: seeds }, (_, seed) => fakeRecord({ policy, seed, round: seed }))
      ),
    );
  const oneSeed = "- Quality: one seed tells no difference of losses from chance";
  assertEquals([1, 2, 3].map((seeds) => trained(seeds).includes(oneSeed)), [true, false, false]);
  assertFalse(trained(2, ["exact", "mesa8", "half"]).includes("no loss was measured"));
  assertStringIncludes(
    plain,
    "- Anything of other cards than Imaginary 9000, or of other arithmetic than f32.",
  );
  for (const text of ["round", "interval"]) assertFalse(plain.includes(text), plain);
  const two = told([...exact.slice(0, 2), ...rounds("mesa8", [10, 13], 40)]);
  assertStringIncludes(two, "at **0.88×** (no interval) of its speed");
  assertStringIncludes(two, "- Small differences of speed: some are told from 2 rounds");
  const known = [...exact, ...mesa8, ...rounds("half", [10, 10], 60)];
  assertStringIncludes(told(known), "- Small differences of speed: some are told from 2 rounds");
  assertStringIncludes(
    told([...exact, ...rounds("mesa8", [10, 13, 10], 40)]),
    "- The speed of `mesa8` at nano, 4 × 128 (0.629–1.335×): the rounds disagree.",
  );
  assertStringIncludes(
    told([...exact, ...rounds("mesa8", [9.9, 10, 10.1], 40)]),
    "- That these are slower, or faster: `mesa8` at nano, 4 × 128 (0.975–1.025×): the interval includes 1.",
  );
});

Deno.test("answers() part the sizes at which one is beaten, of which each has a comma of its own", () => {
  const at = (batch: number) => ({ configuration: { batch } });
  const half = [11.5, 11.6, 11.7];
  const three = [8, 16, 32].flatMap((batch) => [
    ...rounds("exact", [10, 10, 10], 100, at(batch)),
    ...rounds("mesa8", [10.3, 10.4, 10.5], 40, at(batch)),
    ...rounds("half", batch < 32 ? half : [10.1, 10.1, 10.1], 60, at(batch)),
  ]);
  assertStringIncludes(told(three), "`half` by `mesa8` (nano, 8 × 128; nano, 16 × 128); no other policy is.");
});

Deno.test("answers() take no speed from a software adapter", () => {
  const software = structuredClone([...exact, ...mesa8]);
  for (const { environment } of software) environment.adapterClass = "software";
  const text = told(software);
  assertStringIncludes(text, "- `mesa8` takes **0.40×** of `exact`'s buffers.");
  assertStringIncludes(text, "- Speed: a software adapter ran this");
  assertFalse(text.includes("beaten"));
});

Deno.test("answers() tell losses over seeds and gradient errors where they were measured", () => {
  const trained = (policy: string, seed: number, loss: number, error: number | null) =>
    fakeImageRecord({ policy, seed, round: seed - 1 }, {
      quality: fakeQuality(loss, { gradientErrors: error === null ? [] : [fakeErrors(10, error)] }),
    });
  const text = told([1, 2, 3].flatMap((seed) => [
    trained("exact", seed, 2 + seed / 10, null),
    trained("mesa8", seed, 2 + seed / 10 + 0.001 * seed, 0.01),
    trained("mesa2", seed, 3 + seed / 9, 0.5),
  ]));
  assertStringIncludes(text, "`mesa2` (vit-nano) measurably harms");
  assertStringIncludes(text, "The gradient of `mesa8` lies nearest to `exact`'s, 0.0100 of its norm away");
  assertStringIncludes(text, "- Quality on photographs: the images are generated.");
  assertFalse(text.includes("no loss was measured"));
});

Deno.test("answers() say what a policy costs at most that is measurably worse, but within the margin", () => {
  // Differences of 0.0009 to 0.0011 of a loss of 2, whose margin is 0.005.
  const text = told(
    Array.from({ length: 12 }, (_, round) => round).flatMap((round) => {
      const of = (policy: string, loss: number) =>
        fakeRecord({ policy, seed: round + 1, round }, { quality: fakeQuality(loss) });
      return [of("exact", 2), of("mesa8", round % 2 ? 2.0009 : 2.0011)];
    }),
  );
  assertStringIncludes(
    text,
    "No policy measurably harms: every interval includes 0, lies below it, or is within",
  );
  assertStringIncludes(text, "`mesa8` costs 0.0011 nats (0.06% of the loss)");
});

Deno.test("answers() give no verdict on losses of a model that learnt nothing, and take the null of chaos for no policy", () => {
  const trained = (policy: string, seed: number, loss: number, changes: Partial<CellConfiguration> = {}) =>
    fakeRecord({ policy, seed, round: seed - 1, ...changes }, { quality: fakeQuality(loss) });
  const run = (loss: number) =>
    told([1, 2, 3].flatMap((seed) => [
      trained("exact", seed, loss),
      trained("mesa2", seed, loss + 1 + seed / 10),
      trained("exact-other-variants", seed, loss, { storage: policyDocument("exact"), kernels: "other" }),
    ]));
  const nothing =
    "Losses of nano say nothing of a policy: `exact` does no better than what is known of the data";
  assertStringIncludes(run(2), "`mesa2` (nano) measurably harms");
  assertFalse(run(2).includes(nothing));
  assertStringIncludes(run(3.25), nothing); // the unigram entropy
  assertFalse(run(3.25).includes("harms"));
  for (const text of [run(2), run(3.25)]) assertFalse(text.includes("exact-other-variants"), text);
});

Deno.test("answers() say which policies the test of parity left open, and whether chance alone is as large as its margin", () => {
  const trained = (policy: string, scatter: number, changes: Partial<CellConfiguration> = {}) =>
    Array.from({ length: 12 }, (_, round) =>
      fakeRecord({ policy, seed: round + 1, round, ...changes }, {
        quality: fakeQuality(2 + (round % 2 ? scatter : -scatter)),
      }));
  const policies = [...trained("exact", 0), ...trained("half", 0.0001), ...trained("mesa8", 0.01)];
  const nullOf = (scatter: number) =>
    trained("exact-other-variants", scatter, { storage: policyDocument("exact"), kernels: "other" });
  assertStringIncludes(
    told([...policies, ...nullOf(0)]),
    "- That `mesa8` trains nano, 4 × 128 as well as `exact`: it is not known to end within ±0.25% of its loss.",
  );
  assertStringIncludes(
    told([...policies, ...nullOf(0.01)]),
    "within ±0.25% of its loss; nor is `exact` whose sums are rounded otherwise.",
  );
  assertFalse(told([...policies.slice(0, 24), ...nullOf(0.01)]).includes("as well as"));
});

Deno.test("answers() say where a policy does not fit, and measure the others against what does", () => {
  const oom = { measurement: { status: "oom" as const, timing: null } };
  const text = told([...rounds("exact", [1], 100, oom), ...mesa8]);
  assertStringIncludes(text, "- `mesa8` takes **0.40×** of `exact`'s buffers.");
  assertStringIncludes(text, "`exact` does not fit nano, 4 × 128.");
  assertStringIncludes(
    told([...exact, ...rounds("mesa8", [1], 140, oom)]),
    "; it does not fit nano, 4 × 128.",
  );
});
