import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { fakeImageRecord, fakeQuality, fakeRecord } from "../results/testing.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import { type Cell, compare } from "./cell_rounds.ts";
import {
  baselineOf,
  controlsOf,
  costAtMost,
  judge,
  pairedLosses,
  parities,
  paritySection,
} from "./parity.ts";

type Losses = (number | null)[];

/** Comparisons of policies with these final losses, a seed each. */
const trained = (losses: Record<string, Losses>, record = fakeRecord) =>
  compare(
    Object.entries(losses).flatMap(([policy, own]) =>
      own.map((loss, i) => {
        const isNull = policy === "exact-other-variants";
        const storage = isNull ? { ...policyDocument("exact"), name: policy } : policyDocument(policy);
        const kernels = isNull ? { kernels: "other" as const } : {};
        return record({ policy, storage, ...kernels, seed: i + 1, round: i }, { quality: fakeQuality(loss) });
      })
    ),
  );

const paired = (exact: Losses, mesa8: Losses) => {
  const [{ cells }] = trained({ exact, mesa8 });
  return pairedLosses(cells.get("mesa8") as Cell, cells.get("exact") as Cell);
};

const verdicts = (losses: Record<string, Losses>, record = fakeRecord) =>
  Object.fromEntries(
    [...parities(trained(losses, record)[0])].map(([policy, { verdict }]) => [policy, verdict]),
  );

/** Losses 2 of twelve seeds plus a mean and ± a deviation in turn. */
const around = (mean: number, deviation: number) =>
  Array.from({ length: 12 }, (_, i) => 2 + mean + (i % 2 ? 1 : -1) * deviation);

Deno.test("pairedLosses() takes differences seed by seed", () => {
  // Differences 0.01, 0.02, 0.03: mean 0.02, deviation 0.01, interval ± 4.3027 · 0.01 / √3.
  const { seeds, difference, loss } = paired([1, 2, 3], [1.01, 2.02, 3.03])!;
  assertEquals([seeds, loss], [3, 2]);
  assertAlmostEquals(difference!.mean, 0.02, 1e-12);
  assertAlmostEquals(difference!.deviation, 0.01, 1e-12);
  assertAlmostEquals(difference!.high, 0.02 + 0.024841, 1e-5);
});

Deno.test("pairedLosses() needs two seeds, and uses only those that both have", () => {
  assertEquals(paired([1], [1]), null);
  assertEquals(paired([1, 2, 3], [1]), null);
  assertEquals(paired([1, 2, 3], [1, 2])?.seeds, 2);
});

Deno.test("costAtMost() is the interval's upper end, also of a policy that is better, as a share of exact's mean loss", () => {
  const { nats, share } = costAtMost(paired([2, 4, 6], [1.99, 3.98, 5.97])!)!; // -0.02 ± 0.024841, of 4
  assertAlmostEquals(nats, 0.004841, 1e-5);
  assertAlmostEquals(share, 0.001210, 1e-5);
  assertEquals(costAtMost(paired([1, 2], [1, null])!), null);
});

Deno.test("parities() finds equivalent, worse, better and undecided against 0.25% of a GPT-2's loss", () => {
  // The margin is 0.005. A deviation of 0.001 narrows the interval to some ± 0.001, one of 0.01 to ± 0.009.
  assertEquals(
    verdicts({
      exact: around(0, 0),
      half: around(0, 0.001),
      mesa8: around(0.003, 0.001),
      tensor8: around(0.003, 0.01),
      mesa4: around(0.02, 0.001),
      mesa2: around(-0.02, 0.001),
    }),
    { half: "equivalent", mesa8: "equivalent", tensor8: "undecided", mesa4: "worse", mesa2: "better" },
  );
});

Deno.test("parities() takes 1% as a ViT's margin", () => {
  const losses = { exact: around(0, 0), mesa8: around(0.015, 0.001) };
  const record = (...given: Parameters<typeof fakeImageRecord>) => fakeImageRecord(...given);
  assertEquals([verdicts(losses), verdicts(losses, record)], [{ mesa8: "worse" }, { mesa8: "equivalent" }]);
});

Deno.test("parities() shows the interval that its test uses: what lies within the margin is equivalent, all else is not", () => {
  const deviations = [0.0005, 0.002, 0.004, 0.006, 0.008];
  const names = ["half", "mesa8", "tensor8", "mesa4", "mesa2"];
  const [comparison] = trained({
    exact: around(0, 0),
    ...Object.fromEntries(names.map((name, i) => [name, around(0.001, deviations[i])])),
  });
  const found = [...parities(comparison).values()];
  for (const { interval, margin, verdict } of found) {
    assertEquals(verdict === "equivalent", interval!.low > -margin! && interval!.high < margin!);
  }
  assertEquals(new Set(found.map(({ verdict }) => verdict)), new Set(["equivalent", "undecided"]));
  // Five policies: 1 − 2 · 5%/5, then of four, …, and after the first that is not equivalent no more.
  const confidences = found.map(({ confidence }) => Number(confidence.toFixed(4)));
  assertEquals(confidences.slice(0, 2), [0.98, 0.975]);
  const first = found.findIndex(({ verdict }) => verdict === "undecided");
  assertEquals(new Set(confidences.slice(first)).size, 1);
});

Deno.test("parities() gives no verdict before exact beats what is known without a network, in every seed", () => {
  const unigram = fakeRecord().data;
  assertEquals(unigram.kind === "text" && unigram.unigramEntropy, 3.25);
  const losses = { exact: [3.24, 3.24, 3.24], mesa8: [3.24, 3.24, 3.24] };
  assertEquals(verdicts(losses), { mesa8: "equivalent" });
  const told = (loss: number): typeof fakeRecord => (cell, measurement) => {
    const record = fakeRecord(cell, measurement);
    return { ...record, data: { ...record.data, baseline: { rule: "bigram", loss } } };
  };
  assertEquals(verdicts(losses, told(2.4)), { mesa8: "nothing learnt" });
  assertEquals(verdicts({ ...losses, exact: [3.25, 3.24, 3.24] }), { mesa8: "nothing learnt" });
});

Deno.test("parities() calls a loss that is not a number diverged, unless exact's is none either", () => {
  assertEquals(verdicts({ exact: [1, 2], mesa8: [1, null] }), { mesa8: "diverged" });
  assertEquals(verdicts({ exact: [1, null], mesa8: [1, null] }), { mesa8: "nothing learnt" });
});

Deno.test("judge() follows the rules that the report states", () => {
  const verdict = (low: number, high: number) =>
    judge({ mean: (low + high) / 2, deviation: 0, low, high }, 1, low > -1 && high < 1);
  assertEquals(verdict(-0.5, 0.9), "equivalent");
  assertEquals(verdict(0.1, 0.9), "equivalent"); // a difference that is there, and smaller than what matters
  assertEquals(verdict(0.1, 1.1), "undecided");
  assertEquals(verdict(-1.1, 1.1), "undecided");
  assertEquals(verdict(1.1, 3), "worse");
  assertEquals(verdict(-3, -1.1), "better");
});

Deno.test("baselineOf() of records that tell no rule's loss is the entropy of the tokens, or of as many classes", () => {
  assertEquals(baselineOf(fakeRecord().data).loss, 3.25);
  assertEquals(baselineOf(fakeImageRecord().data).loss, Math.log(10));
  const data = { ...fakeRecord().data, baseline: { rule: "bigram" as const, loss: 2.5 } };
  assertEquals(baselineOf(data), { rule: "a bigram", loss: 2.5 });
});

Deno.test("paritySection() prints the statistics", () => {
  // Differences 0 and 0.2: mean 0.1, deviation √(2 · 0.1²); alone, with 90%, reach 6.3138 · 0.1414 / √2 = 0.6314. exact's mean is 2.
  const section = paritySection(trained({ exact: [1, 3], mesa8: [1, 3.2] }))!;
  assertEquals(
    section.split("\n\n")[0],
    `
| model |  tokens | policy | seeds |       difference |                   interval |        of the loss | margin | verdict   |
| :---- | ------: | :----- | ----: | ---------------: | -------------------------: | -----------------: | -----: | :-------- |
| nano  | 4 × 128 | mesa8  |     2 | +0.1000 ± 0.1414 | -0.5314 to +0.7314 (90.0%) | -26.57% to +36.57% | ±0.25% | undecided |
`.trim(),
  );
  assertStringIncludes(section, "`--seeds`");
});

Deno.test("paritySection() tells of each control whether it passed, failed or was not run", () => {
  const controls = (losses: Record<string, Losses>) =>
    paritySection(trained({ exact: around(0, 0.1), ...losses }))!.split("\n\n")[1];
  assertEquals(
    controls({ "exact-other-variants": around(0, 0.1), mesa2: around(1, 0.1) }),
    "- **Controls of nano, 4 × 128**: passed: `exact` must beat the tokens' frequencies (these records tell no bigram), " +
      "3.2500 nats: 2.1000 nats at most; passed: the null of chaos must be equivalent (`exact-other-variants`): equivalent; " +
      "passed: 2 bits must be worse (`mesa2`): worse.",
  );
  const failed = controls({ "exact-other-variants": around(1, 0), mesa2: around(0, 0.1) });
  assertStringIncludes(
    failed,
    "**not passed**: the null of chaos must be equivalent (`exact-other-variants`): worse",
  );
  assertStringIncludes(failed, "**not passed**: 2 bits must be worse (`mesa2`): equivalent");
  const absent = controls({ mesa8: around(0, 0.1) });
  assertStringIncludes(
    absent,
    "not run: the null of chaos must be equivalent; not run: 2 bits must be worse.",
  );
});

Deno.test("paritySection() says whether the margins were fixed before the runs, which older records cannot tell", () => {
  const losses = { exact: around(0, 0.1), mesa8: around(0, 0.1) };
  assertStringIncludes(paritySection(trained(losses))!, "These runs are older than the margins");
  const told: typeof fakeRecord = (cell, measurement) => {
    const record = fakeRecord(cell, measurement);
    return { ...record, data: { ...record.data, baseline: { rule: "bigram", loss: 2.5 } } };
  };
  assertStringIncludes(paritySection(trained(losses, told))!, "The margins were fixed before these runs.");
});

Deno.test("paritySection() is null without two seeds, or without exact", () => {
  assertEquals(paritySection(trained({ exact: [1], mesa8: [1] })), null);
  const [comparison] = trained({ exact: [1, 2], mesa8: [1, 2] });
  comparison.cells.delete("exact");
  assert(comparison.cells.size > 0);
  assertEquals(paritySection([comparison]), null);
});

Deno.test("compare() puts exact by other choices beside exact, so that its losses are put to the test", () => {
  const choices: [string, StepChoices][] = [
    ["in f16", { arithmetic: "f16" }],
    ["bf16 weights", { parameters: "bf16" }],
    ["in fewer bytes", { moments: "8bit", update: "backward", clipBy: "last" }],
  ];
  const names = choices.map(([name]) => name);
  const records = [0, 1].flatMap((round) =>
    [["exact", {}] as [string, StepChoices], ...choices].map(([policy, choices]) => {
      const storage = { ...policyDocument("exact"), name: policy };
      const cell = {
        policy,
        storage,
        ...choices,
        ...policy !== "exact" && { beside: {} },
        round,
        seed: round + 1,
      };
      return fakeRecord(cell, { quality: fakeQuality(1) });
    })
  );
  const [comparison, ...others] = compare(records);
  assertEquals([[...comparison.cells.keys()], others], [["exact", ...names], []]);
  assertEquals(comparison.choices, {});
  assertEquals([...parities(comparison).keys()], names);
  const apart = fakeRecord({ policy: "exact", ...choices[1][1] }); // of a sweep with other choices, beside nothing
  assertEquals(compare([...records, apart]).map(({ cells }) => cells.size), [4, 1]);
});

Deno.test("paritySection() tells the margin of each family that was tested", () => {
  const llama = (...given: Parameters<typeof fakeRecord>) => {
    const { name: _, ...architecture } = modelConfig("llama-nano");
    return { ...fakeRecord(...given), architecture };
  };
  const losses = { exact: [1, 2], mesa8: [1, 2] };
  assertStringIncludes(paritySection(trained(losses))!, "0.25% for a GPT-2, 1% for a ViT.");
  assertStringIncludes(
    paritySection(trained(losses, llama))!,
    "0.25% for a GPT-2 and a Llama, 1% for a ViT.",
  );
});

Deno.test("controlsOf() tells of exact's loss that it is no number where a single seed has none", () => {
  const [comparison] = trained({ exact: [1, null], mesa8: [1, 2] });
  assertStringIncludes(
    controlsOf(comparison, parities(comparison)),
    "**not passed**: `exact` must beat the tokens' frequencies (these records tell no bigram), 3.2500 nats: a loss that is no number;",
  );
});
