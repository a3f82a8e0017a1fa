import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { type FakeCombination, fakeCombinations, fakeFrontier } from "../report/frontier_testing.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeHeader } from "../results/testing.ts";
import { frontierSection } from "./frontier_section.ts";
import { type Sweep, sweepOf } from "./reports.ts";
import { answersPage } from "./results_page.ts";
import { sweep as trainedSweep, trained } from "./testing.ts";

const all: FakeCombination[] = [
  { name: "exact", policy: "exact", memory: 8, time: 1 },
  { name: "half", policy: "half", memory: 5, time: 1.25, error: 0.0002 },
  { name: "mesa8", policy: "mesa8", memory: 3, time: 1.25, error: 0.002 },
  { name: "mesa4", policy: "mesa4", memory: 2, time: 1.6, error: 0.05 },
  { name: "token8", policy: "token8", memory: 6, time: 2, error: 0.002 },
];
const row = { model: "nano", sequence: 128, batch: 4 };
const peers = [{ ...row, name: "f32, plain", tokensPerSecond: 9000, bytes: 9 * 2 ** 30 }];

const sweep = (
  folder: string,
  runtime: "native" | "dawn",
  change = (record: CellRecord): CellRecord => record,
): Sweep => {
  const records = fakeCombinations(all)
    .map((record) => change({ ...record, environment: { ...record.environment, runtime } }));
  const header = fakeHeader(records, {
    command: `deno task bench frontier --out ${folder}`,
    ...fakeFrontier(all, peers),
  });
  const results = [header, ...records].map((line) => JSON.stringify(line)).join("\n");
  return sweepOf(`reports/${folder}/report.md`, [{ results, report: "" }]);
};
const reports = {
  sweeps: { frontier: sweep("frontier", "dawn"), frontierNative: sweep("native", "native") },
  peers: {},
};

Deno.test("frontierSection() tells the ends of what nothing beats within a small gradient error, of each report", () => {
  const section = frontierSection(reports)!;
  const [title, sentence] = section.split("\n\n");
  const ends = "from 3 GiB at 0.80× (`mesa8`) to 8 GiB at 1.00× (`exact`)";
  assertEquals([title, sentence], [
    "### What is worth it",
    "Of policies with choices of a step, from the smallest to the fastest that no other which ran beats in memory, speed and gradient error " +
    `together, with a gradient error of at most 0.01 (speeds are multiples of \`exact\`'s in f32): nano, 4 × 128 tokens under Dawn, ${ends}; nano, 4 × 128 tokens natively, ${ends}. ` +
    "After 30 steps from 1 seed no validation loss of nano lay above `exact`'s by more than counts as equal.",
  ]);
  assertStringIncludes(
    answersPage(reports),
    `- **What is worth it.** ${sentence} [Table](reports/README.md#what-is-worth-it)`,
  );
  assertStringIncludes(
    answersPage(reports),
    "Not shown.** Anything of other cards than Imaginary 9000, of several cards together, that training ends as well under a policy together with",
  );
  assertEquals(frontierSection({ sweeps: {}, peers: {} }), null);
});

Deno.test("frontierSection() says where frontiers are of different versions of the program", () => {
  const [dawn, native] = [sweep("frontier", "dawn"), sweep("native", "native")];
  const other = { ...native, told: { ...native.told, sources: "another" }, commits: ["fedcba987654"] };
  const told = (frontierNative: Sweep) =>
    frontierSection({ sweeps: { frontier: dawn, frontierNative }, peers: {} })!;
  assertStringIncludes(
    told(other),
    `\n\nThese are of different versions of the program (commits ${dawn.commits[0]} and fedcba987654), so`,
  );
  assertEquals(told(native).includes("versions"), false);
});

Deno.test("frontierSection() tells the most that losses ended above exact's by in any of the reports, the highest first", () => {
  const ending = (losses: Record<string, number>) =>
    sweep("frontier", "native", (record) => {
      const { configuration: { policy }, quality } = record;
      if (!quality) return record;
      return {
        ...record,
        quality: { ...quality, validationLoss: quality.validationLoss! * (losses[policy] ?? 1) },
      };
    });
  const sweeps = {
    frontier: ending({ half: 1.01, mesa8: 1.05 }),
    frontierNative: ending({ half: 1.002, mesa8: 1.02, token8: 1.08 }),
  };
  const [, sentence] = frontierSection({ sweeps, peers: {} })!.split("\n\n");
  assertStringIncludes(
    sentence,
    "After 30 steps from 1 seed validation losses of nano lay above `exact`'s by more than counts as equal under `token8` (8.0%), `mesa8` (5.0%) " +
      "and `half` (1.0%).",
  );
});

Deno.test("frontierSection() says nothing of losses where exact has learnt nothing, and where they are told that they say nothing", () => {
  const frontier = sweep("frontier", "native", (record) => {
    const { quality } = record;
    return quality ? { ...record, quality: { ...quality, validationLoss: 99 } } : record;
  });
  const section = frontierSection({ sweeps: { frontier }, peers: {} })!;
  assertFalse(section.split("\n\n")[1].includes("loss"));
  assertStringIncludes(
    section,
    "no validation loss lies more than 0.25% above `exact`'s, which says nothing of a policy: `exact` did no better by then than what is known " +
      "of the data without a network.",
  );
});

Deno.test("frontierSection() names what diverged, and counts it as no way to train", () => {
  const native = sweep(
    "native",
    "native",
    (record) => record.configuration.policy === "mesa8" ? { ...record, status: "diverged" } : record,
  );
  const section = frontierSection({ sweeps: { frontierNative: native }, peers: {} })!;
  const [, sentence] = section.split("\n\n");
  assertStringIncludes(
    sentence,
    "from 5 GiB at 0.80× (`half`) to 8 GiB at 1.00× (`exact`).",
  );
  assertStringIncludes(
    sentence,
    "by more than counts as equal; training, or its gradient, diverged under `mesa8`.",
  );
  assertStringIncludes(section, "1 of the 4 that ran are beaten; 5 were planned.");
});

Deno.test("frontierSection() has a row for each that nothing beats, PyTorch's rows, source and picture of each report", () => {
  const [, , under, stairs, compared, pytorch, , table, source, picture, natively] = frontierSection(reports)!
    .split("\n\n");
  assertStringIncludes(under, "**nano, 4 × 128 tokens under Dawn.** The fastest in so much memory");
  assertStringIncludes(stairs, "- with a gradient error of at most 0.01: from **3 GiB** `mesa8` (0.800×");
  assertEquals(
    compared,
    "1 of the 5 that ran are beaten; 5 were planned. Gradient errors are those at step 2 of training. After 30 steps from 1 seed no validation " +
      "loss lies more than 0.25% above `exact`'s.",
  );
  assertStringIncludes(pytorch, "Of PyTorch's 1 row on this card the fastest is f32, plain");
  const rows = table.split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assertEquals(rows[0], ["", "combination", "buffers", "of exact's", "speed", "gradient error"]);
  assertEquals(rows.slice(2).map(([number, name]) => `${number} ${name}`), [
    "1 mesa4",
    "2 mesa8",
    "3 half",
    "5 exact",
  ]);
  assertStringIncludes(source, "- [report](reports/frontier/report.md): `deno task bench frontier`, commit");
  assertStringIncludes(picture, "(reports/frontier/frontier.svg)");
  assertStringIncludes(natively, "**nano, 4 × 128 tokens natively.**");
});

Deno.test("frontierSection() leaves out what ends training worse, and what that alone beats is beaten no more", () => {
  const quality = trainedSweep(
    ...trained("exact", [1, 2, 3]),
    ...trained("mesa8", [2, 3, 4]),
    ...trained("half", [1, 2, 3]),
  );
  const section = frontierSection({
    sweeps: { frontierNative: reports.sweeps.frontierNative, quality },
    peers: {},
  })!;
  assertStringIncludes(
    section,
    "from 5 GiB at 0.80× (`half`) to 8 GiB at 1.00× (`exact`).",
  );
  assertStringIncludes(section, "1 of the 4 that ran are beaten");
  assertStringIncludes(
    section,
    "`mesa8` is left out, under which training ends worse ([Quality](#quality)).",
  );
  const rows = section.split("\n").filter((line) => line.startsWith("|")).slice(2);
  assertEquals(rows.map((line) => line.split("|").slice(1, 3).map((cell) => cell.trim()).join(" ")), [
    "1 mesa4",
    "3 half",
    "5 exact",
  ]);
});

Deno.test("frontierSection() tells memory alone of a software adapter", () => {
  const software = sweep("frontier", "native", (record) => ({
    ...record,
    environment: { ...record.environment, adapterClass: "software" },
  }));
  const section = frontierSection({ sweeps: { frontier: software }, peers: {} })!;
  assertStringIncludes(
    section,
    "natively, 3 GiB (`mesa8`). After",
  );
});
