import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { fakeErrors, fakeImageRecord, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
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
    "- `mesa8` takes **0.40×** of `exact`'s buffers at **0.96×** (0.95–0.97) of its speed.",
  ]);
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
    "- `mesa8` takes **0.40×** [nano, 4 × 128] to **0.80×** [micro, 4 × 128] of `exact`'s buffers at **0.50×** (0.50–0.50) [micro, 4 × 128] to **0.96×** (0.95–0.97) [nano, 4 × 128] of its speed.",
  ]);
});

Deno.test("answers() tell who is beaten by whom, where rounds leave no doubt", () => {
  assertStringIncludes(told([...exact, ...mesa8]), "No policy is beaten by another");
  const half = rounds("half", [11, 12, 11], 60);
  assertStringIncludes(
    told([...exact, ...mesa8, ...half]),
    "Beaten in memory and speed together: `half` by `mesa8`; no other policy is.",
  );
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
  assertStringIncludes(
    plain,
    "- Anything of other cards than Imaginary 9000, or of other arithmetic than f32.",
  );
  for (const text of ["round", "interval"]) assertFalse(plain.includes(text), plain);
  const two = told([...exact.slice(0, 2), ...rounds("mesa8", [10, 13], 40)]);
  assertStringIncludes(two, "- Small differences of speed: some are told from 2 rounds");
  assertStringIncludes(two, "- The speed of `mesa8` at nano, 4 × 128 (0.77–1.00×): the rounds disagree.");
  assertStringIncludes(
    told([...exact, ...rounds("mesa8", [9, 10, 11], 40)]),
    "- That these are slower, or faster: `mesa8` at nano, 4 × 128 (0.91–1.11×): the interval includes 1.",
  );
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
