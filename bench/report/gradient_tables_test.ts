import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { policyDocument } from "../../src/storage/policies.ts";
import { compare } from "./cell_rounds.ts";
import { gradientSection } from "./gradient_tables.ts";
import type { CellConfiguration, CellRecord } from "../results/results.ts";
import { fakeErrors, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";

/** A training run whose gradient was compared at steps 10 and 20. */
function run(
  policy: string,
  seed: number,
  errors: [number, number],
  more: Partial<CellConfiguration> = {},
): CellRecord {
  const gradientErrors = errors.map((error, i) =>
    fakeErrors(10 * (i + 1), error, { "attention q, k, v": 2 * error })
  );
  const memory = { ...fakeMeasurement().memory!, savedBytes: 3 * 2 ** 18 };
  return fakeRecord({ policy, seed, round: seed - 1, ...more }, {
    memory,
    quality: fakeQuality(3, { gradientErrors }),
  });
}

const sectionOf = (records: CellRecord[]) => gradientSection(compare([fakeRecord(), ...records]));

Deno.test("gradientSection() averages over steps and seeds, beside the saved bytes", () => {
  // Mean of 0.02, 0.04, 0.02, 0.04: 0.03. Mean of 1 − e²/2: 1 − (4 + 16 + 4 + 16) · 10⁻⁴ / 8 = 0.9995.
  assertEquals(
    sectionOf([run("mesa8", 1, [0.02, 0.04]), run("mesa8", 2, [0.02, 0.04])]),
    `
**nano, 4 × 128**

| policy | saved activations | compared steps |  cosine | relative error | embedding and head | layer norm | attention q, k, v | attention projection | mlp widening | mlp narrowing |
| :----- | ----------------: | -------------: | ------: | -------------: | -----------------: | ---------: | ----------------: | -------------------: | -----------: | ------------: |
| mesa8  |   768 KiB (0.25×) |    4 (2 seeds) | 0.99950 |         0.0300 |             0.0300 |     0.0300 |            0.0600 |               0.0300 |       0.0300 |        0.0300 |
`.trim(),
  );
});

Deno.test("gradientSection() tells the noise between batches beside the error, of policies that recorded it", () => {
  const noisy = run("mesa8", 1, [0.02, 0.04]);
  noisy.quality!.gradientErrors = noisy.quality!.gradientErrors.map((errors, i) => ({
    ...errors,
    noise: 0.6 + 0.2 * i,
  }));
  const lines = sectionOf([noisy, run("mesa4", 1, [0.1, 0.1])])!.split("\n").map((line) =>
    line.split("|").map((column) => column.trim())
  );
  assertEquals(lines.flatMap((columns) => columns.length > 6 ? [columns.slice(5, 7)] : []), [
    ["relative error", "noise between batches"],
    ["-------------:", "--------------------:"],
    ["0.0300", "0.700"],
    ["0.100", "–"],
  ]);
});

Deno.test("gradientSection() is null where no gradient was compared", () => {
  assertEquals(sectionOf([]), null);
});

Deno.test("gradientSection() tells what head-wise ranges gain, by document and not by name", () => {
  const heads = { storage: { ...policyDocument("mesa8"), name: "ours" } };
  const whole = { storage: { ...policyDocument("tensor8"), name: "theirs" } };
  const section = sectionOf([
    ...[run("ours", 1, [0.009, 0.011], heads), run("ours", 2, [0.011, 0.013], heads)],
    ...[run("theirs", 1, [0.021, 0.021], whole), run("theirs", 2, [0.023, 0.023], whole)],
  ])!;
  // Means 0.010 and 0.012 against 0.021 and 0.023: ln 2.1 = 0.7419 and ln 1.9167 = 0.6506, mean 0.6963, standard error half their
  // difference, 0.0457: t = 15.2 with 1 degree of freedom, p = 1 − 2/π · atan t = 0.042.
  assertStringIncludes(
    section,
    "One range for each head (`ours`) has 2.00 times smaller gradient error than one for the tensor (`theirs`): " +
      "0.0110 against 0.0220; of attention q, k, v 2.00 times smaller, 0.0220 against 0.0440. `theirs` is measurably worse " +
      "than `ours` (Student's t of the logarithm of the ratio, paired over 2 seeds: 15.2, 1 degree of freedom, p = 0.042).",
  );
});

Deno.test("gradientSection() finds the choice inside rules", () => {
  const only = (name: string, grouping: "head" | "tensor") => ({
    storage: {
      ...policyDocument("exact"),
      name,
      rules: [{ tensors: ["qkv" as const], bits: 8 as const, grouping }],
    },
  } as Partial<CellConfiguration>);
  const section = sectionOf([
    run("attention: head", 1, [0.03, 0.04], only("attention: head", "head")),
    run("attention: tensor", 1, [0.01, 0.02], only("attention: tensor", "tensor")),
  ])!;
  assertStringIncludes(section, "(`attention: head`) has 2.33 times larger gradient error"); // 0.035 / 0.015
});

Deno.test("gradientSection() says plainly when two bits are not measurably worse, and what the test is over", () => {
  const section = sectionOf([run("mesa8", 1, [0.01, 0.03]), run("mesa2", 1, [0.02, 0.04])])!;
  // ln 2 = 0.6931 and ln 4/3 = 0.2877: mean 0.4904, standard error half their difference, 0.2027: t = 2.42, p = 1 − 2/π · atan t.
  assertStringIncludes(
    section,
    "Eight bits (`mesa8`) have 1.50 times smaller gradient error than two (`mesa2`)",
  );
  assertStringIncludes(
    section,
    "`mesa2` is not measurably worse than `mesa8` (Student's t of the logarithm of the ratio, paired over 2 steps, which are " +
      "not independent: 2.4, 1 degree of freedom, p = 0.250)",
  );
});

Deno.test("gradientSection() compares no policies that differ in more than one choice", () => {
  const section = sectionOf([run("tensor8", 1, [0.01, 0.03]), run("mesa2", 1, [0.02, 0.04])])!;
  assert(!section.includes("Student"));
});

Deno.test("gradientSection() shows an error that is not a number", () => {
  const broken = run("mesa2", 1, [0.01, 0.03]);
  broken.quality!.gradientErrors[1].overall.relativeError = null;
  const section = sectionOf([run("mesa8", 1, [0.01, 0.03]), broken])!;
  assertStringIncludes(section, "|   not a number |");
  assertStringIncludes(section, "`mesa2`: not a number.");
});
