import { assertEquals, assertStringIncludes } from "@std/assert";
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
  const ends =
    "from 3 GiB at 0.80× of `exact`'s speed in f32 (`mesa8`) to 8 GiB at 1.00× (`exact`), 1 of 5 that ran being beaten (5 were planned)" +
    "; after 30 steps from 1 seed no validation loss lies more than 0.25% above `exact`'s";
  assertEquals([title, sentence], [
    "### What is worth it",
    "Of policies with choices of a step, from the smallest to the fastest that no other which ran beats in memory, speed and gradient error " +
    `together, with a gradient error of at most 0.01: nano, 4 × 128 tokens under Dawn, at step 2, ${ends}; nano, 4 × 128 tokens natively, at step 2, ${ends}.`,
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
    frontierSection({ sweeps: { frontier: dawn, frontierNative }, peers: {} })!.split("\n\n")[1];
  assertStringIncludes(
    told(other),
    `They are of different versions of the program (commits ${dawn.commits[0]} and fedcba987654), so`,
  );
  assertEquals(told(native).includes("versions"), false);
});

Deno.test("frontierSection() names what diverged, and counts it as no way to train", () => {
  const native = sweep(
    "native",
    "native",
    (record) => record.configuration.policy === "mesa8" ? { ...record, status: "diverged" } : record,
  );
  assertStringIncludes(
    frontierSection({ sweeps: { frontierNative: native }, peers: {} })!.split("\n\n")[1],
    "from 5 GiB at 0.80× of `exact`'s speed in f32 (`half`) to 8 GiB at 1.00× (`exact`), 1 of 4 that ran being beaten (5 were planned); training, or its gradient, diverged under `mesa8`; after",
  );
});

Deno.test("frontierSection() has a row for each that nothing beats, PyTorch's rows, source and picture of each report", () => {
  const [, , under, stairs, compared, ended, pytorch, , table, source, picture, natively] = frontierSection(
    reports,
  )!
    .split(
      "\n\n",
    );
  assertStringIncludes(under, "**nano, 4 × 128 tokens under Dawn.** The fastest in so much memory");
  assertStringIncludes(stairs, "- with a gradient error of at most 0.01: from **3 GiB** `mesa8` (0.800×");
  assertEquals(compared, "Gradient errors are those at step 2 of training.");
  assertStringIncludes(ended, "After 30 steps from 1 seed no validation loss");
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
    "from 5 GiB at 0.80× of `exact`'s speed in f32 (`half`) to 8 GiB at 1.00× (`exact`), 1 of 4 that ran being beaten",
  );
  assertStringIncludes(section, "Without `mesa8`, under which training ends worse ([Quality](#quality)).");
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
    "natively, at step 2, 3 GiB (`mesa8`), 0 of 5 that ran being beaten (5 were planned);",
  );
});
