/** What tests of the page's sections are made of. */

import type { CellConfiguration, CellRecord } from "../results/results.ts";
import { fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
import type { Making } from "./making.ts";
import { type Reports, type Sweep, sweepOf } from "./reports.ts";

export const mebibyte = 2 ** 20;

/** How a report was made that has no sweep. */
export const card: Making = {
  report: "r",
  commands: ["c"],
  commits: ["0123456789abcdef"],
  adapter: "NVIDIA H200",
};

/** A sweep whose report told no plan. */
export const sweep = (...records: CellRecord[]): Sweep =>
  sweepOf("reports/fake/report.md", [{
    results: records.map((record) => JSON.stringify(record)).join("\n"),
    report: "Made by `deno task bench --out reports/fake --model nano` on 2026-11-22T01:02:03Z, from",
  }]);

/** Those sweeps and nothing else. */
export const only = (sweeps: Reports["sweeps"]): Reports => ({ sweeps, peers: {} });

/** Megabytes saved, alive and in buffers, and milliseconds a step. */
export const measured = (saved: number, live: number, buffers: number, step: number) => ({
  memory: {
    ...fakeMeasurement().memory!,
    savedBytes: saved * mebibyte,
    livePeakBytes: live * mebibyte,
    bufferBytes: buffers * mebibyte,
  },
  timing: { ...fakeMeasurement().timing!, stepMilliseconds: [step] },
});

/** Rows of the first table of a section, as cells. */
export const rows = (section: string | null) =>
  section!.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

/** Records of a policy that trained so far, a seed for each loss. */
export const trained = (
  policy: string,
  losses: (number | null)[],
  changes: Partial<CellConfiguration> = {},
) =>
  losses.map((loss, i) =>
    fakeRecord({ policy, seed: i, round: i, ...changes }, { quality: fakeQuality(loss) })
  );
