import { UserError } from "../../src/errors.ts";
import { Progress } from "../../src/text/progress.ts";
import { driverBytesInUse } from "../machine/environment.ts";
import { currentSources } from "../machine/run.ts";
import { sections } from "../report/report.ts";
import { parseSweep } from "../results/read_results.ts";
import {
  type CellConfiguration,
  type CellRecord,
  type ChildAnswer,
  modelOf,
  schemaVersion,
} from "../results/results.ts";
import type { ResultsFile } from "../results/results_file.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { runInChild } from "../sweep/child.ts";
import { Interruption } from "../sweep/interruption.ts";
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
  const { cells, environment, requireGpu, paths } = header;
  const askDriver = await driverBytesInUse() !== null;
  const progress = new Progress(cells.map((cell) => `${nameOf(cell)} ${cell.qualitySteps}`));
  const interruption = new Interruption();
  const { signal } = interruption;
  const limits = { askDriver, timeoutSeconds: host.timeoutSeconds, signal };
  const text = paths.data === undefined ? textOf(cells.map(host.dataOf)) : undefined;
  const goOn = `go on with \`deno task bench --resume ${shellWord(folder)}\``;
  const record = async (
    configuration: CellConfiguration,
    answer: ChildAnswer,
    started: Date,
    seconds: number,
  ) => {
    const { report: data, fit } = host.dataOf(configuration);
    const changed = whatChanged(header, data, answer) ??
      (await currentSources() === header.sources ? undefined : "the program's sources");
    if (changed) {
      throw new UserError(
        `In mid-sweep ${changed} changed, so the last cell is not recorded: restore it and ${goOn}`,
      );
    }
    const { name: _, ...architecture } = fit(modelOf(configuration));
    const record: CellRecord = {
      schema: schemaVersion,
      started: started.toISOString(),
      seconds,
      configuration,
      architecture,
      environment,
      data,
      ...answer.measurement,
    };
    await results.append(record);
  };
  let failure: unknown;
  try {
    await runSweep(
      cells,
      {
        signal,
        run: (configuration) => runInChild({ configuration, paths, requireGpu, text }, limits),
        plan: host.plan,
        starting: (cell, index) => progress.begin(index, `${nameOf(cell)}, round ${cell.round + 1}`),
        async finished(configuration, answer, started, seconds) {
          progress.end(cells.indexOf(configuration), seconds);
          await record(configuration, answer, started, seconds);
        },
      },
      new Outcomes(header.growing),
      parseSweep(results.text).records,
    );
  } catch (error) {
    failure = error;
  }
  progress.clear();
  try {
    const { records } = parseSweep(results.text);
    if (records.length > 0) {
      await results.settle();
      await writeFiles(folder, results.text);
      for (const { title, table } of sections(records)) console.log(`\n${title}\n\n${table}`);
    }
    if (failure) throw failure;
    if (interruption.code !== null) {
      const kept = records.length === 0
        ? "before the first cell was finished"
        : `what is finished is in ${folder}`;
      console.error(`\nInterrupted; ${kept}: ${goOn}`);
      return interruption.code;
    }
    console.log(`\nThe report is in ${folder}`);
    return exitCode(records);
  } finally {
    interruption.stop();
    results.close();
  }
}

/** 0 if every process ended well; to run out of memory is a result. */
export function exitCode(records: readonly Pick<CellRecord, "status">[]): number {
  return records.every(({ status }) => status === "ok" || status === "oom") ? 0 : 1;
}

/** What a process met that is not what the sweep began with; undefined if nothing. */
function whatChanged(
  { environment: { adapter, driver } }: SweepHeader,
  expected: TrainingData["report"],
  { data, adapter: found }: ChildAnswer,
): string | undefined {
  if (data && data.digest !== expected.digest) return `the data (${expected.name})`;
  if (found && (found.adapter !== adapter || found.driver !== driver)) {
    return `the adapter (${adapter} with ${driver ?? "no driver"} to ${found.adapter} with ${
      found.driver ?? "no driver"
    })`;
  }
  return undefined;
}

/** The built-in text, if there is one. */
function textOf(all: readonly TrainingData[]): Uint8Array<ArrayBuffer> | undefined {
  const corpus = all.find((data) => data.corpus)?.corpus;
  return corpus && Uint8Array.from([...corpus.train, ...corpus.validation]);
}

const nameOf = ({ model, batch, sequence, policy }: CellConfiguration) =>
  `${model} ${batch} × ${sequence} ${policy}`;
