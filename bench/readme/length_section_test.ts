import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import type { CellConfiguration } from "../results/results.ts";
import type { LongestSequence } from "../results/run_header.ts";
import { fakeHeader, fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { ofLength } from "../sweep/shapes.ts";
import { lengthSection } from "./length_section.ts";
import { provedStep } from "./proofs.ts";
import { sweepOf } from "./reports.ts";
import { answersPage } from "./results_page.ts";

const MiB = 2 ** 20;
const { memory, timing } = fakeMeasurement();

/** A cell of so many tokens and MiB of buffers, which takes so many milliseconds a step, or finds no memory. */
const cell = (
  sequence: number,
  mebibytes: number,
  milliseconds: number | null,
  changes: Partial<CellConfiguration> = {},
) =>
  fakeRecord({ policy: "mst8", sequence, ...changes }, {
    status: milliseconds === null ? "oom" : "ok",
    memory: { ...memory!, bufferBytes: mebibytes * MiB },
    timing: milliseconds === null ? null : { ...timing!, stepMilliseconds: [milliseconds] },
  });
const sweep = (...records: ReturnType<typeof cell>[]) =>
  sweepOf("reports/long/report.md", [{
    results: records.map((record) => JSON.stringify(record)).join("\n"),
    report: "",
  }]);

const printed = `card, Deno 2.9.6
llama3-8b, 1 × 61440, policy mst8, products in f16, weights in bf16
right  set-up took 5.8 s
right  ${100 * MiB} bytes of buffers, ${100 * MiB} by plan
right  evaluated in pieces of 2048 rows of the MLP and 2048 of the head: 11.914586067199707, 14.8 s
right  step 1: loss 11.914582252502441, 72.5 s, in pieces of 4096 rows of the MLP: 3.81e-6 from the evaluation's
`;

Deno.test("lengthSection() tells a step that was proved, and the longest sequences", () => {
  const reports = {
    sweeps: {
      longLlama: sweep(
        ...[1024, 4096].map((sequence) => cell(sequence, 300, 3000, { arithmetic: "f16" })),
        cell(8192, 600, null),
      ),
    },
    peers: {},
    largeStep: provedStep("reports/steps.txt", printed),
    largeStepNative: provedStep(
      "reports/native.txt",
      printed.replace("policy mst8, products in f16", "policy mst8"),
    ),
  };
  const section = lengthSection(reports)!;
  assertStringIncludes(section, "(weights in bf16); its loss");
  assertStringIncludes(section, "- [what was printed](reports/native.txt)");
  const [title, sentence, source] = section.split("\n\n");
  assertEquals([title, sentence, source], [
    "### Long sequences",
    "On one card a whole step of `llama3-8b` under `mst8` on one sequence of 61,440 tokens, with its update, takes 72.5 s after 5.8 s of set-up, untuned, in 100 MiB of buffers, the plan's to the byte " +
    "(products in f16, weights in bf16); its loss is 3.8e-6 from that of an evaluation in other pieces.",
    "- [what was printed](reports/steps.txt)",
  ]);
  assertStringIncludes(section, "4,096 tokens, products in f16, in 300 MiB of buffers, 3 s a step.");
  assertStringIncludes(answersPage(reports), `- **Long sequences.** ${sentence} [Table]`);
  assertEquals(lengthSection({ sweeps: {}, peers: {} }), null);
});

/** What MST keeps weights and moments in. */
const states = { parameters: "bf16", moments: "bf16", update: "backward", clipBy: "last" } as const;
const byPlan = (model: string, policy: string, sequence: number): LongestSequence => ({
  ...{ model, batch: 1, policy, sequence, memory: memory!, ...states },
  limit: { of: "memory", wanted: 81 * MiB, most: 80 * MiB },
});

Deno.test("lengthSection() opens with the longest by plan and proved, beside what MST's authors report", () => {
  const records = [["mst", 40960], ["mst8", 61440]].map(([policy, positions]) => {
    const modelDocument = ofLength(modelConfig("llama3-8b"), Number(positions));
    const { name: model } = modelDocument;
    return cell(Number(positions), 70, 9000, {
      model,
      modelDocument,
      batch: 1,
      policy: String(policy),
      warmupSteps: 0,
      timedSteps: 1,
      ...states,
    });
  });
  const found = [
    byPlan("llama3-8b", "mst", 40960),
    byPlan("llama3-8b", "mst8", 61440),
    byPlan("llama-nano", "mst8", 1024),
  ];
  const header = fakeHeader(records, {
    command: "deno task bench mst",
    memory: 80 * MiB,
    longest: { unit: 1024, found },
  });
  const own = cell(51200, 75, 9000, {
    ...{ model: "llama3-8b-51200", modelDocument: ofLength(modelConfig("llama3-8b"), 51200) },
    ...{ batch: 1, warmupSteps: 0, timedSteps: 1, ...states },
  });
  const half = { ...own, configuration: { ...own.configuration, policy: "mst16" } };
  const sought = { unit: 1024, found: [byPlan("llama3-8b", "mst16", 51200)] };
  const halves = [
    fakeHeader([half], { command: "deno task bench mst --policy mst16.json", longest: sought }),
    half,
  ];
  const reports = {
    sweeps: {
      longest16: sweepOf("reports/mst16/report.md", [{
        results: halves.map((line) => JSON.stringify(line)).join("\n"),
        report: "",
      }]),
      longest: sweepOf("reports/mst/report.md", [{
        results: [header, ...records].map((line) => JSON.stringify(line)).join("\n"),
        report: "",
      }]),
      longLlama: sweep(cell(4096, 100, 2000)),
    },
    peers: {},
  };
  const [, sentence, detail, how, table, once, source, picture, rest] = lengthSection(reports)!.split("\n\n");
  assertEquals(
    sentence,
    "In 80 MiB a step trained 61,440 tokens of llama3-8b, under `mst8` with bf16 weights, bf16 moments; by plan there is room for 61,440 tokens of " +
      "llama3-8b and 1,024 tokens of llama-nano, under `mst8` with bf16 weights, bf16 moments. " +
      "MST's authors report 60 K of llama3-8b, on one A100 of 80 GB with weights, moments and activations in bf16.",
  );
  assertEquals(
    detail,
    "The longest that trained ran at 6,827 tokens/s (llama3-8b), update in backward, clipping by the last step's norm. " +
      "Their method with activations in f32, `mst`, trained 40,960 tokens of llama3-8b here. Block inputs in 16 bits, as theirs are, make that " +
      "51,200 tokens of llama3-8b (`mst16`).",
  );
  assertEquals(
    how,
    "Multiples of 1,024 tokens; the report has the bytes of each, and what differs from the published:",
  );
  const rows = table.split("\n").map((line) => line.split("|").slice(1, -1).map((text) => text.trim()));
  assertEquals([rows[0].slice(3), rows[2].slice(3), rows[3].slice(3), rows[5].slice(3)], [
    ["", "mst", "mst8"],
    ["longest", "60 K", "–"],
    ["longest by plan", "40,960", "61,440"],
    ["longest trained", "40,960", "61,440"],
  ]);
  assertStringIncludes(once, "A length by plan that was trained took one step");
  assertStringIncludes(source, "- [report](reports/mst/report.md): `deno task bench mst`");
  assertStringIncludes(
    source,
    "- [report](reports/mst16/report.md): `deno task bench mst --policy mst16.json`",
  );
  assertStringIncludes(picture, "(reports/mst/lengths.svg)");
  assertStringIncludes(rest, "trains `nano` on one sequence of 4,096 tokens");
  assertStringIncludes(answersPage(reports), `- **Long sequences.** ${sentence} [Table]`);
});

Deno.test("provedStep() refuses what was wrong, or is not whole", () => {
  for (
    const [other, sentence] of [
      [printed.replace("right  step", "WRONG  step"), "has a finding that is wrong"],
      [printed.replace(`${100 * MiB} by plan`, "7 by plan"), "does not tell its buffers"],
      [printed.replace("set-up", "it"), "does not tell its set-up"],
      [printed.replace(/^right {2}step.*$/m, ""), "does not tell a step"],
      [printed.replace("llama3-8b, 1", "llama3-8b, 2"), "does not tell the model"],
    ]
  ) assertThrows(() => provedStep("steps.txt", other), UserError, sentence);
});
