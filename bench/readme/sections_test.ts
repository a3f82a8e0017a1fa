import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { KernelTime } from "../kernels/kernel_report.ts";
import type { CellConfiguration } from "../results/results.ts";
import {
  fakeErrors,
  fakeHeader,
  fakeImageRecord,
  fakeMeasurement,
  fakeQuality,
  fakeRecord,
} from "../results/testing.ts";
import { arithmeticSection } from "./arithmetic_section.ts";
import { gradientSection } from "./gradient_section.ts";
import { kernelsSection } from "./kernels_section.ts";
import { sources } from "./making.ts";
import { sweepOf } from "./reports.ts";
import { answersPage } from "./results_page.ts";
import { textSection } from "./text_section.ts";
import { visionSection } from "./vision_section.ts";
import { card, measured, mebibyte, only, rows, sweep, trained } from "./testing.ts";

const exact = policyDocument("exact");

Deno.test("sources() name the command without its folder, commit, card, and what is missing of a full grid", () => {
  const whole = sweep(fakeRecord(), fakeRecord({ policy: "mesa8" }));
  assertEquals(
    sources(whole),
    "- [report](reports/fake/report.md): `deno task bench --model nano`, commit 0123456789ab with uncommitted changes, Imaginary 9000",
  );
  const gap = sweep(fakeRecord(), fakeRecord({ round: 1 }), fakeRecord({ policy: "mesa8" }));
  assertStringIncludes(sources(gap), "Imaginary 9000, 3 of 4 processes");
  const oom = sweep(
    fakeRecord(),
    fakeRecord({ round: 1 }),
    fakeRecord({ policy: "mesa8" }, { status: "oom", timing: null }),
  );
  assertEquals(sources(oom).includes("processes"), false);
});

Deno.test("arithmeticSection() sets other arithmetic beside native f32 at the same size, on the same card only", () => {
  const timed = (step: number, changes: Partial<CellConfiguration> = {}, adapter = "Imaginary 9000") =>
    sweep(...["exact", "mesa8"].map((policy, i) => {
      const record = fakeRecord({ ...changes, policy }, measured(64, 100, 200 >> i, step + i));
      return {
        ...record,
        environment: {
          ...record.environment,
          adapter,
          ...changes.arithmetic && { runtime: "dawn" as const },
        },
      };
    }));
  const [stepsNative, stepsF16x3] = [timed(40), timed(20, { arithmetic: "f16x3" })];
  const section = arithmeticSection(
    only({ stepsNative, stepsF16x3, stepsF16: timed(10, { arithmetic: "f16" }) }),
  );
  const [, , inF32, inF16x3, inF16] = rows(section);
  assertEquals([inF32, inF16x3, inF16].map((row) => [row[2], row[3], row[5]]), [
    ["f32", "native", "1.00×"],
    ["f16x3", "Dawn", "2.00×"],
    ["f16", "Dawn", "4.00×"],
  ]);
  assertEquals(inF16.slice(7), ["200 MiB", "100 MiB (0.50×)"]);
  assertStringIncludes(
    section!,
    "`exact` trains 2.00× as fast in f16x3 and 4.00× as fast in f16 as natively in f32 (nano, 4 × 128 tokens).\n\nEach number",
  );
  const elsewhere = timed(10, { arithmetic: "f16" }, "Imaginary 9001");
  assertEquals(rows(arithmeticSection(only({ stepsNative, stepsF16x3, stepsF16: elsewhere }))).length, 4);
  assertEquals(arithmeticSection(only({ stepsNative })), null);
  assertEquals(arithmeticSection(only({ stepsF16x3 })), null);
  const other = sweep(fakeRecord({ model: "micro", arithmetic: "f16" }));
  assertEquals(arithmeticSection(only({ stepsNative, stepsF16: other })), null, "another model");
  const without = sweep(fakeRecord({ policy: "mesa8", arithmetic: "f16" }));
  assertEquals(arithmeticSection(only({ stepsNative, stepsF16: without })), null, "no exact");
});

Deno.test("arithmeticSection() tells the verdicts on training in each arithmetic, by model where they are not one", () => {
  const trainedIn = (model: string, far: number) => [
    ...trained("exact", [1, 2, 3], { model }),
    ...trained("exact-f16x3", [1, 2, 3], { model, arithmetic: "f16x3", beside: {}, storage: exact }),
    ...trained("exact-f16", [1, 2 + far, 3 - far], { model, arithmetic: "f16", beside: {}, storage: exact }),
    ...trained("mesa2", [2, 3, 4], { model }),
  ];
  const qualityArithmetic = sweep(...trainedIn("nano", 0), ...trainedIn("micro", 0.1));
  const verdicts =
    "Final losses of nano and micro beside `exact`'s, by the test of equivalence: `exact-f16x3` and `exact-f16` (nano) are " +
    "equivalent; `exact-f16` (micro) is undecided; `mesa2` is worse.";
  const costs = "At most, by the intervals of the test of equivalence, `exact-f16x3` costs nothing " +
    "and `exact-f16` costs 0.00% [nano] to 12.43% [micro] of the loss.";
  const section = arithmeticSection(only({ qualityArithmetic }))!;
  assertEquals(section.split("\n\n").slice(0, 3), ["### Tensor cores", verdicts, costs]);
  assertEquals(rows(section).slice(2).map(([policy, , , verdict]) => [policy, verdict]), [
    ["`exact-f16x3`", "equivalent"],
    ["`exact-f16`", "equivalent"],
    ["`mesa2`", "worse"],
  ]);
  assertStringIncludes(section, "(reports/fake/loss_difference.svg)");
  const timed = (changes: Partial<CellConfiguration>) => sweep(fakeRecord(changes, measured(1, 1, 1, 1)));
  const both = arithmeticSection(
    only({ qualityArithmetic, stepsNative: timed({}), stepsF16: timed({ arithmetic: "f16" }) }),
  )!;
  const [, answer, detail] = both.split("\n\n");
  assert(answer.startsWith("With products on") && answer.endsWith(verdicts));
  assertEquals(detail, `Each number is one half in f16. ${costs}`);
  const open = "that training in other arithmetic than f32 ends as well";
  assertEquals(
    [only({ stepsNative: timed({}) }), only({ qualityArithmetic })].map((of) =>
      answersPage(of).includes(open)
    ),
    [true, false],
  );
});

Deno.test("sweepOf() takes command and plan from the header where there is one, and refuses a line that is no record", () => {
  const records = [fakeRecord(), fakeRecord({ policy: "half" })];
  const header = { ...fakeHeader(records), command: "deno task bench --out 'my reports' --model micro" };
  const results = [header, records[0]].map((line) => JSON.stringify(line)).join("\n");
  const { commands, recorded, missing } = sweepOf("r", [{ results, report: "" }]);
  assertEquals([commands, recorded, missing], [[header.command], 1, 1]);
  assertThrows(() => sweepOf("r", [{ results: `${results}\n{`, report: "" }]), UserError, "results.jsonl:3");
  assertThrows(() => sweepOf("r", [{ results: "", report: "" }]), UserError, "no record");
});

Deno.test("textSection() sets mesa8 beside exact and half, and settles no speed on rounds that disagree", () => {
  const record = (policy: string, round: number, step: number, saved: number, model = "nano") =>
    fakeRecord({ policy, round, model }, measured(saved, 100, saved + 50, step));
  const section = textSection(only({
    text: sweep(
      ...[10, 20, 10].map((step, round) => record("exact", round, step, 100)),
      ...[12.5, 25, 12.5].map((step, round) => record("half", round, step, 50)),
      ...[20, 20, 20].map((step, round) => record("mesa8", round, step, 30)),
    ),
  }))!;
  assertStringIncludes(section, "takes 0.30× of `exact`'s bytes, and 0.60× of `half`'s");
  assertStringIncludes(section, "speed is 0.80× under `half`.");
  assertEquals(rows(section)[2], [
    ...["nano", "4 × 128", "100 MiB", "50 MiB (0.50×)", "30 MiB (0.30×)", "0.60×"],
    ...["150 MiB", "100 MiB (0.67×)", "80 MiB (0.53×)", "51,200"],
    // Logarithms of ½, 1 and ½: the mean −0.462 ± 4.303 · 0.400 / √3.
    ...["0.800× (0.800–0.800)", "not settled (0.233–1.702)"],
  ]);
  const twice = (policy: string) => [10, 20].map((step, round) => record(policy, round, step, 100));
  const unknown = textSection(only({ text: sweep(...twice("exact"), ...twice("mesa8")) }))!;
  assertStringIncludes(unknown, "of `exact`'s bytes.");
  assertEquals(rows(unknown)[2].at(-1), "1.00× (no interval)");
});

Deno.test("visionSection() sets live peaks beside what was published", () => {
  const record = (policy: string, live: number, step: number) =>
    fakeImageRecord({ model: "deit-tiny", batch: 128, policy }, measured(1, live, 9999, step));
  const section = visionSection(only({
    vision: sweep(record("exact", 3716, 64), record("mesa8-paper", 1858, 80), record("mesa8", 929, 128)),
  }))!;
  const [, answer, detail] = section.split("\n\n");
  assertStringIncludes(
    answer,
    "published **0.45×** of their own baseline's memory for deit-tiny; here the live peak is 0.50× of `exact`'s under `mesa8-paper` and " +
      "0.25× of `exact`'s under `mesa8`. Theirs",
  );
  assertStringIncludes(
    detail,
    "They published 1858 MiB; `mesa8-paper` takes 1858 MiB, 1.00× of that and `mesa8` takes 929 MiB, 0.50× of that.",
  );
  assertEquals(rows(section)[2], [
    ...[
      "deit-tiny",
      "1858 MiB",
      "3716 MiB",
      "1858 MiB",
      "929 MiB",
      "2,000",
      "0.80× (no interval)",
      "0.50× (no interval)",
    ],
  ]);
});

const erring = (policy: string, error: number, changes: Partial<CellConfiguration> = {}) =>
  [1, 2].map((seed) =>
    fakeRecord({ policy, seed, round: seed, storage: fakeRecord().configuration.storage, ...changes }, {
      quality: fakeQuality(3, { gradientErrors: [fakeErrors(10 * seed, error * (1 + 0.01 * seed))] }),
      memory: { ...fakeMeasurement().memory!, savedBytes: (policy === "token" ? 52 : 50) * mebibyte },
    })
  );

Deno.test("gradientSection() names the best grouping, with its bytes", () => {
  const section = gradientSection(only({
    grouping: sweep(
      ...erring("exact", 0),
      ...erring("head", 0.1),
      ...erring("tensor", 0.2),
      ...erring("token", 0.05),
      ...erring("attention: head", 0.01),
    ),
  }))!;
  assertStringIncludes(section, "`token` has the smallest error of all, 2.00 times smaller than `head`");
  assertStringIncludes(section, "at 1.04× its bytes (nano, 4 × 128 tokens in training, steps 10 to 20).");
  assertEquals(rows(section).slice(2).map(([name, error]) => [name, error]), [
    ["`head`", "0.102"],
    ["`tensor`", "0.203"],
    ["`token`", "0.0508"],
  ]);
});

Deno.test("gradientSection() compares lengths at the same tokens a step, where several have them", () => {
  const at = (sequence: number, batch: number, error: number) => [
    ...erring("exact", 0, { sequence, batch }).map((record) => ({ ...record, quality: null })),
    ...erring("mesa8", error, { sequence, batch }),
  ];
  const lengths = [at(1024, 8, 0.05), at(128, 8, 0.3), at(128, 64, 0.1)].flat();
  const section = gradientSection(only({ length: sweep(...lengths) }))!;
  assertStringIncludes(
    section,
    "from 128 to 1,024 with the same 8,192 tokens a step, the error falls from 0.102 to 0.0508 under `mesa8` (nano in training, steps 10 to 20).",
  );
  assertEquals(rows(section)[0], ["sequences × tokens", "64 × 128", "8 × 1024"]);
  const growing = [at(128, 8, 0.1), at(1024, 8, 0.2)].flat();
  assertStringIncludes(
    gradientSection(only({ length: sweep(...growing) }))!,
    "and with it the tokens of a step, the error rises",
  );
});

Deno.test("kernelsSection() measures by the card's nominal rates and by the run's fastest", () => {
  const time = (name: string, bound: KernelTime["bound"], rate: number, ceiling = false): KernelTime => ({
    ...{ name, bound, ceiling, work: rate * 1e12, milliseconds: [1000], dispatches: 1, variants: {} },
  });
  const section = kernelsSection({
    sweeps: {},
    peers: {},
    kernels: {
      ...card,
      times: [
        time("product nn 4096³", "arithmetic", 33.5, true),
        time("copy", "memory", 4.32, true),
        time("AdamW", "memory", 4.56),
        time("micro: nn", "arithmetic", 6.7),
        time("micro: nt", "arithmetic", 16.75),
        ...[6.7, 13.4].map((rate) => time("attention_forward causal 1×2×8×4: 64", "arithmetic", rate)),
        time("attention_backward_key causal 1×2×8×4: 64", "arithmetic", 20.1),
      ],
    },
  })!;
  assertStringIncludes(
    section,
    "the fastest product reaches 33.5 TFLOP/s, 50% of the card's nominal 67 TFLOP/s in f32; the copy reaches 4.32 TB/s, 90% of the card's " +
      "nominal 4.8 TB/s of memory.",
  );
  assertStringIncludes(
    section,
    "The products of a step reach 20–50% of it in micro. Attention's kernels, each by its fastest variant, reach 40–60% at 1×2×8×4 (",
  );
  assertEquals(rows(section).at(-1), ["AdamW", "1000.000", "4.56 TB/s", "106%", "95%"]);
});
