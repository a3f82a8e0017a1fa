import { UserError } from "../../src/errors.ts";
import { readBytes } from "../../src/io/files.ts";
import type { KernelTime } from "../kernels/kernel_report.ts";
import { type Cell, compare } from "../report/cell_rounds.ts";
import { type Peers, readPeers } from "../report/peer_records.ts";
import type { Comparison } from "../report/side_by_side.ts";
import { toldMaking } from "../report/sweep_files.ts";
import { parseSweep, parseTimes, type SweepResults } from "../results/read_results.ts";
import { adapterTitle, type CellRecord } from "../results/results.ts";
import type { Told } from "../results/run_header.ts";
import { missingCells } from "../sweep/outcomes.ts";
import { type Fits, fitsIn } from "./fits.ts";
import { kernelFolders, peerFolders, proofFiles, sweepFolders } from "./folders.ts";
import { made, type Making, versionOf } from "./making.ts";
import {
  type ProvedCheckpoints,
  provedCheckpoints,
  type ProvedGradients,
  provedGradients,
  type ProvedStep,
  provedStep,
} from "./proofs.ts";

/** A sweep's report. A folder without results of its own stands for those below it together. */
export interface Sweep extends Making {
  comparisons: Comparison<Cell>[];
  /** Those of the comparisons, and what is compared otherwise: cells in which memory was re-invested. */
  records: readonly CellRecord[];
  /** What the sweep found by plan; of several runs the first tells it. */
  told: Told;
  /** How long it took: its processes one after the other, and what came before the first of them, mostly tuning. */
  seconds: number;
  /** Whether several of its processes ran at once. */
  sideBySide: boolean;
}

/** A report of kernels' times. */
export interface Kernels extends Making {
  times: KernelTime[];
}

/** All that the page is computed from; what was not found is missing. */
export interface Reports {
  sweeps: { [name in keyof typeof sweepFolders]?: Sweep };
  kernels?: Kernels;
  largeStep?: ProvedStep;
  largeStepNative?: ProvedStep;
  gradients?: ProvedGradients;
  checkpoints?: ProvedCheckpoints;
  fits?: Fits;
  peers: { [name in keyof typeof peerFolders]?: Making & Pick<Peers, "rows"> };
}

/** Reads the reports below `root`. Throws a UserError that names a folder whose results are not whole. */
export async function readReports(root: string): Promise<Reports> {
  const all = async <Name extends string, T>(
    folders: Record<Name, readonly string[]>,
    read: (root: string, folder: string) => Promise<T | null>,
  ) => {
    const entries = Object.entries<readonly string[]>(folders).map(async ([name, candidates]) =>
      [name, await firstOf(root, candidates, read)] as const
    );
    return Object.fromEntries((await Promise.all(entries)).filter(([, found]) => found)) as {
      [name in Name]?: T;
    };
  };
  return {
    sweeps: await all(sweepFolders, readSweep),
    kernels: await firstOf(root, kernelFolders, readKernels) ?? undefined,
    largeStep: await firstOf(root, proofFiles.largeStep, printed(provedStep)) ?? undefined,
    largeStepNative: await firstOf(root, proofFiles.largeStepNative, printed(provedStep)) ?? undefined,
    gradients: await firstOf(root, proofFiles.gradients, printed(provedGradients)) ?? undefined,
    checkpoints: await firstOf(root, proofFiles.checkpoints, printed(provedCheckpoints)) ?? undefined,
    fits: await firstOf(root, proofFiles.fits, printed(fitsIn)) ?? undefined,
    peers: await all(peerFolders, readPeersFolder),
  };
}

async function firstOf<T>(
  root: string,
  folders: readonly string[],
  read: (root: string, folder: string) => Promise<T | null>,
): Promise<T | null> {
  for (const folder of folders) {
    try {
      const found = await read(root, folder);
      if (found) return found;
    } catch (error) {
      if (error instanceof UserError) throw new UserError(`${folder}: ${error.message}`);
      throw error;
    }
  }
  return null;
}

async function readSweep(root: string, folder: string): Promise<Sweep | null> {
  const own = await textOf(`${root}/${folder}/results.jsonl`);
  if (own !== null) {
    return sweepOf(`${folder}/report.md`, [{ results: own, report: await reportOf(root, folder) }]);
  }
  const parts: Part[] = [];
  for (const name of await foldersIn(`${root}/${folder}`)) {
    const results = await textOf(`${root}/${folder}/${name}/results.jsonl`);
    if (results !== null) parts.push({ results, report: await reportOf(root, `${folder}/${name}`) });
  }
  return parts.length ? sweepOf(folder, parts) : null;
}

interface Part {
  results: string;
  report: string;
}

/** A sweep of one run, or of several. Throws a UserError at a line that is no record. */
export function sweepOf(report: string, parts: readonly Part[]): Sweep {
  const runs = parts.map((part) => ({ ...parseSweep(part.results), told: toldMaking(part.report).command }));
  const records = runs.flatMap((run) => run.records);
  const [skipped] = runs.flatMap((run) => run.skipped);
  if (skipped) throw new UserError(`${skipped}: take the line away, or measure again`);
  if (records.length === 0) throw new UserError("there is no record: measure again");
  return {
    report,
    commands: runs.map(({ header, told }) => header?.command ?? told ?? "deno task bench"),
    adapter: adapterTitle(records[0].environment),
    commits: distinct(records.map(({ environment }) => environment).flatMap(versionOf)),
    comparisons: compare(records),
    records,
    told: runs[0].header ?? {},
    seconds: sum(records.map(({ seconds }) => seconds)) +
      sum(runs.map(secondsBefore)),
    sideBySide: ranSideBySide(records),
    recorded: records.length,
    missing: sum(
      runs.map((run) => run.header ? missingCells(run.header, run.records).length : gaps(run.records)),
    ),
  };
}

/** Those sweeps that are there and ran on such a card, under whichever runtime. */
export const sweepsOn = (card: string, sweeps: readonly (Sweep | undefined)[]): Sweep[] =>
  sweeps.filter((sweep) => sweep !== undefined)
    .filter(({ records: [{ environment }] }) => environment.adapter === card);

/** From a run's start to that of its first process. */
function secondsBefore({ header, records }: Pick<SweepResults, "header" | "records">): number {
  if (!header) return 0;
  const first = Math.min(...records.map(({ started }) => Date.parse(started)));
  return Math.max(0, first - Date.parse(header.started)) / 1000;
}

/** Whether processes of a sweep ran at once, as shards of one do, by more than what clocks differ by. */
function ranSideBySide(records: readonly CellRecord[]): boolean {
  const runs = records.map(({ started, seconds }) => ({ begin: Date.parse(started) / 1000, seconds }))
    .toSorted((a, b) => a.begin - b.begin);
  return runs.some(({ begin }, i) => i > 0 && begin < runs[i - 1].begin + runs[i - 1].seconds - 1);
}

/** Records that every policy in every round of every comparison would have and these lack; a cell that failed has no further rounds. */
function gaps(records: readonly CellRecord[]): number {
  const rounds = new Set(records.map(({ configuration }) => configuration.round)).size;
  const policies = new Set(records.map(({ configuration }) => configuration.policy)).size;
  const comparisons = compare(records);
  const passedOver = comparisons.flatMap(({ cells }) => [...cells.values()])
    .map((cell) => cell.failure ? rounds - cell.records.length : 0);
  return comparisons.length * rounds * policies - records.length - sum(passedOver);
}

async function readKernels(root: string, folder: string): Promise<Kernels | null> {
  const text = await textOf(`${root}/${folder}/results.jsonl`);
  if (text === null) return null;
  const { header: { command, environment }, lines } = parseTimes<KernelTime | object>(text);
  return {
    ...made(`${folder}/report.md`, command, environment),
    times: lines.filter((line): line is KernelTime => "milliseconds" in line),
  };
}

/** Reads what a command printed. */
const printed = <T>(read: (file: string, text: string) => T) => async (root: string, file: string) => {
  const text = await textOf(`${root}/${file}`);
  return text === null ? null : read(file, text);
};

async function readPeersFolder(root: string, folder: string) {
  const text = await textOf(`${root}/${folder}/results.jsonl`);
  if (text === null) return null;
  const { header: { command, environment }, rows } = readPeers(text);
  return { ...made(`${folder}/report.md`, command, environment), rows };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** The text of a file; null if there is none. */
async function textOf(path: string): Promise<string | null> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  return new TextDecoder().decode(await readBytes(path));
}

const reportOf = async (root: string, folder: string) => await textOf(`${root}/${folder}/report.md`) ?? "";

async function foldersIn(path: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).filter((entry) => entry.isDirectory)
      .map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
