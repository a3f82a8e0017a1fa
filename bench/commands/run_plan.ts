import { locateImages, locateText } from "../../src/data/named_data.ts";
import { UserError } from "../../src/errors.ts";
import { printJson } from "../../src/text/print_json.ts";
import { Progress } from "../../src/text/progress.ts";
import { driverBytesInUse } from "../machine/environment.ts";
import { currentSources, programName } from "../machine/run.ts";
import { answers } from "../report/answers.ts";
import { compare } from "../report/cell_rounds.ts";
import { sections } from "../report/report.ts";
import { summarizeSweep } from "../report/sweep_summary.ts";
import { printable } from "../report/terminal.ts";
import { parseSweep } from "../results/read_results.ts";
import {
  type CellConfiguration,
  type CellMeasurement,
  type CellRecord,
  type ChildAnswer,
  modelOf,
  schemaVersion,
} from "../results/results.ts";
import type { ResultsFile } from "../results/results_file.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { runInChild } from "../sweep/child.ts";
import { Interruption } from "../machine/interruption.ts";
import { Outcomes } from "../sweep/outcomes.ts";
import type { PlannedStep } from "../sweep/planned_step.ts";
import { runSweep } from "../sweep/sweep.ts";
import type { TrainingData } from "../training/data.ts";
import { shellWord } from "../../src/text/shell.ts";
import { writeFiles } from "./render.ts";

/** What a plan is run with. */
export interface PlanHost {
  dataOf(cell: CellConfiguration): TrainingData;
  plan(cell: CellConfiguration): PlannedStep;
  /** Seconds for one process. */
  timeoutSeconds: number;
  /** Print a summary as JSON in place of tables. */
  json: boolean;
}

/**
 * Runs what is missing of a plan, leaves a report in `folder` and prints its tables. Returns the exit code: 1 if a cell did not end well
 * otherwise than by running out of memory, 130, 143 or 129 after a signal, which keeps what was finished.
 */
export async function runPlan(
  folder: string,
  header: SweepHeader,
  results: ResultsFile,
  host: PlanHost,
): Promise<number> {
  const { cells, requireGpu } = header;
  const paths = {
    data: await locateText(header.paths.data),
    images: await locateImages(header.paths.images),
  };
  const askDriver = await driverBytesInUse() !== null;
  const progress = new Progress(
    cells.map((cell) => `${nameOf(cell)} ${cell.qualitySteps}`),
    header.stopping ? "at most" : "about",
  );
  const interruption = new Interruption();
  const { signal } = interruption;
  const limits = { askDriver, timeoutSeconds: host.timeoutSeconds, signal };
  const text = paths.data === undefined ? textOf(cells.map(host.dataOf)) : undefined;
  const goOn = `go on with \`${programName()} bench --resume ${shellWord(folder)}\``;
  try {
    let failure = await errorOf(() =>
      runSweep(
        cells,
        {
          signal,
          run: (configuration) => runInChild({ configuration, paths, requireGpu, text }, limits),
          plan: host.plan,
          starting: (cell, index) => progress.begin(index, labelOf(cell)),
          async finished(cell, answer, started, seconds) {
            progress.end(cells.indexOf(cell), seconds);
            await refuseChange(header, host.dataOf(cell), answer);
            await results.append(
              recordOf(header, cell, host.dataOf(cell), answer.measurement, started, seconds),
            );
          },
        },
        new Outcomes(header),
        parseSweep(results.text).records,
      )
    );
    progress.clear();
    const { records } = parseSweep(results.text);
    failure ??= await errorOf(() => leaveReport(folder, header, results, records, host));
    if (failure instanceof UserError) {
      throw new UserError(`${failure.message}; then ${goOn}`, { cause: failure });
    }
    if (failure) throw failure;
    if (interruption.code === null) {
      if (!host.json) console.log(`\nThe report is in ${folder}`);
      return exitCode(records);
    }
    const kept = records.length === 0
      ? "before the first cell was finished"
      : `what is finished is in ${folder}`;
    console.error(`\nInterrupted; ${kept}: ${goOn}`);
    return interruption.code;
  } finally {
    interruption.stop();
    results.close();
  }
}

/** What an action threw; undefined if nothing. */
async function errorOf(action: () => Promise<void>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
}

function recordOf(
  { environment }: SweepHeader,
  configuration: CellConfiguration,
  { report: data, fit }: TrainingData,
  measurement: CellMeasurement,
  started: Date,
  seconds: number,
): CellRecord {
  const { name: _, ...architecture } = fit(modelOf(configuration));
  return {
    schema: schemaVersion,
    started: started.toISOString(),
    seconds,
    configuration,
    architecture,
    environment,
    data,
    ...measurement,
  };
}

/** Writes the report of what there is, and prints its tables, then what they say; or its summary. */
async function leaveReport(
  folder: string,
  header: SweepHeader,
  results: ResultsFile,
  records: readonly CellRecord[],
  { json }: PlanHost,
): Promise<void> {
  if (records.length === 0) return;
  await results.settle();
  await writeFiles(folder, results.text);
  if (json) return printJson(summarizeSweep(folder, { header, records }));
  for (const { title, table } of sections(records, header.stopping)) {
    console.log(`\n${title}\n\n${printable(table)}`);
  }
  console.log(`\n${printable(answers(records, compare(records)))}`);
}

/** 0 if every process ended well; to run out of memory is a result. */
export function exitCode(records: readonly Pick<CellRecord, "status">[]): number {
  return records.every(({ status }) => status === "ok" || status === "oom") ? 0 : 1;
}

/** Throws a UserError if a process met what the sweep did not begin with: other data, another adapter, other sources. */
async function refuseChange(
  { environment: { adapter, driver }, sources }: SweepHeader,
  { report }: TrainingData,
  { data, adapter: found }: ChildAnswer,
): Promise<void> {
  const refuse = (what: string) => {
    throw new UserError(`In mid-sweep ${what} changed, so the last cell is not recorded: restore it`);
  };
  if (data && data.digest !== report.digest) refuse(`the data (${report.name})`);
  // A cell may not read what tells an NVIDIA driver's version, so it can be null there.
  const otherDriver = found?.driver != null && found.driver !== driver;
  if (found && (found.adapter !== adapter || otherDriver)) {
    const name = (adapter: string, driver: string | null) => driver ? `${adapter} with ${driver}` : adapter;
    refuse(`the adapter (${name(adapter, driver)} to ${name(found.adapter, found.driver)})`);
  }
  if (await currentSources() !== sources) refuse("the program's sources");
}

/** The built-in text, if there is one. */
function textOf(all: readonly TrainingData[]): Uint8Array<ArrayBuffer> | undefined {
  const corpus = all.find((data) => data.corpus)?.corpus;
  return corpus && Uint8Array.from([...corpus.train, ...corpus.validation]);
}

const labelOf = (cell: CellConfiguration) =>
  `${nameOf(cell)}, ${cell.again ? "once more" : `round ${cell.round + 1}`}`;

const nameOf = ({ model, batch, sequence, policy }: CellConfiguration) =>
  `${model} ${batch} × ${sequence} ${policy}`;
