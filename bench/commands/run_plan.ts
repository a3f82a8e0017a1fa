import { cellName, processName } from "../results/process_name.ts";
import { remembered } from "../../kernels/shared/remembered.ts";
import { locateImages, locateText } from "../../src/data/named_data.ts";
import { UserError } from "../../src/errors.ts";
import { printJson } from "../../src/text/print_json.ts";
import { Progress } from "../../src/text/progress.ts";
import { untilKnown } from "../compare/known_verdicts.ts";
import { driverBytesInUse } from "../machine/card_memory.ts";
import { currentSources, resumeCommand } from "../machine/run.ts";
import { answers } from "../report/answers.ts";
import { compare } from "../report/cell_rounds.ts";
import { sections } from "../report/report.ts";
import { summarizeSweep } from "../report/sweep_summary.ts";
import { printable } from "../report/terminal.ts";
import { parseSweep } from "../results/read_results.ts";
import {
  adapterTitle,
  type CellConfiguration,
  type CellMeasurement,
  type CellRecord,
  type ChildAnswer,
  modelOf,
  mustFail,
  schemaVersion,
} from "../results/results.ts";
import type { ResultsFile } from "../results/results_file.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { runInChild } from "../sweep/child.ts";
import { Comparisons } from "../sweep/comparisons.ts";
import type { Interruption } from "../machine/interruption.ts";
import { missingCells, Outcomes } from "../sweep/outcomes.ts";
import type { PlannedStep } from "../sweep/planned_step.ts";
import { sharedCards } from "../processes/shared_cards.ts";
import { cellsToRun } from "../sweep/shards.ts";
import { processRunner, runAbreast, runByTurns } from "../sweep/run_sweep.ts";
import { Turns } from "../sweep/turns.ts";
import { builtInText, type TrainingData } from "../training/data.ts";
import { writeFiles } from "./render.ts";

/** What a plan is run with. */
export interface PlanHost {
  dataOf(cell: CellConfiguration): TrainingData;
  plan(cell: CellConfiguration): PlannedStep;
  /** Seconds for one process. */
  timeoutSeconds: number;
  /** Print a summary as JSON in place of tables. */
  json: boolean;
  /** Ends the run; whoever made it stops it. */
  interruption: Pick<Interruption, "code" | "signal">;
}

/** A report, and the program that fills it. */
export interface Side {
  /** The report's folder. */
  readonly folder: string;
  readonly header: SweepHeader;
  readonly results: ResultsFile;
  /** The folder of the program's sources, if it is another than this one, which plans for it, too. */
  readonly program?: string;
}

/**
 * Runs what is missing of a plan, by each side in turn, leaves their reports and prints the tables of the last. Returns the exit code: 1 if a
 * cell did not end well otherwise than by running out of memory, 130, 143 or 129 after a signal that left some undone, which keeps what was finished.
 */
export async function runPlan(sides: readonly Side[], host: PlanHost): Promise<number> {
  const { header } = sides[0];
  const cells = cellsToRun(header);
  const { requireGpu } = header;
  const paths = {
    data: await locateText(header.paths.data),
    images: await locateImages(header.paths.images),
  };
  const askDriver = await driverBytesInUse() !== null;
  const { stepsPerTurn, until } = header.interleaved ?? {};
  const abreast = stepsPerTurn !== undefined;
  const inTurn = abreast ? 1 : sides.length; // of one round, one after the other
  const turnsOf = remembered((_: CellConfiguration) => new Turns(sides.length));
  const steps = cells.flatMap((cell) => Array(inTurn).fill(`${cellName(cell)} ${cell.qualitySteps}`));
  const progress = new Progress(steps, header.stopping ?? until ? "at most" : "about");
  const shared = until && new Comparisons(untilKnown(until, abreast));
  const { interruption } = host;
  const { signal } = interruption;
  const text = paths.data === undefined ? builtInText(cells.map(host.dataOf)) : undefined;
  const tell = remembered((sentence: string) => { // once
    progress.clear();
    console.error(sentence);
    return true;
  });
  const goOn = sides.length > 1
    ? "run its command again, for what runs by turns cannot be resumed"
    : `go on with \`${resumeCommand(sides[0].folder)}\``;
  const runnerOf = ({ header, results, program }: Side, place: number) => {
    const timeoutSeconds = host.timeoutSeconds * sides.length / inTurn;
    const limits = { askDriver, timeoutSeconds, signal, program };
    const turnOf = ({ round }: CellConfiguration) => round % 2 === 0 ? place : inTurn - 1 - place;
    const stepOf = (cell: CellConfiguration) => cells.indexOf(cell) * inTurn + (abreast ? 0 : turnOf(cell));
    const run = processRunner(
      {
        signal,
        adapterClass: header.environment.adapterClass,
        run: (configuration) =>
          runInChild({ configuration, paths, requireGpu, text, stepsPerTurn }, {
            ...limits,
            turn: () => turnsOf(configuration).wait(place),
          }),
        plan: program === undefined ? host.plan : notPlanned,
        starting(cell) {
          const who = abreast ? ", both" : program === undefined ? "" : ", base";
          if (!abreast || place === 0) progress.begin(stepOf(cell), `${processName(cell)}${who}`);
        },
        async finished(cell, answer, started, seconds) {
          progress.end(stepOf(cell), seconds);
          for (const sentence of sharedCards(answer.measurement.ranks)) tell(sentence);
          await refuseChange(header, host.dataOf(cell), answer, program);
          await results.append(
            recordOf(header, cell, host.dataOf(cell), answer.measurement, started, seconds),
          );
        },
      },
      new Outcomes(header, shared, place),
      parseSweep(results.text).records,
    );
    return (cell: CellConfiguration, index: number) =>
      run(cell, index).finally(() => turnsOf(cell).leave(place));
  };
  const runAll = abreast ? runAbreast : runByTurns;
  try {
    let failure = await errorOf(() => runAll(cells, sides.map(runnerOf), signal));
    progress.clear();
    const recordsOf = ({ results }: Side) => parseSweep(results.text).records;
    for (const side of sides) {
      const print = side === sides.at(-1) && (host.json ? printSummary : printTables);
      failure ??= await errorOf(() => leaveReport(side, recordsOf(side), print));
    }
    if (failure instanceof UserError) {
      throw new UserError(`${failure.message}; then ${goOn}`, { cause: failure });
    }
    if (failure) throw failure;
    const records = sides.flatMap(recordsOf);
    const folders = sides.map(({ folder }) => folder);
    // One side's records alone do not tell whether a comparison of two had ended.
    const isDone = !until && sides.every((side) => missingCells(side.header, recordsOf(side)).length === 0);
    if (interruption.code === null || isDone) {
      const what = sides.length > 1 ? "reports are" : "report is";
      if (!host.json) console.log(`\nThe ${what} in ${folders.join(" and ")}`);
      return exitCode(records);
    }
    const kept = records.length === 0
      ? "before the first cell was finished"
      : `what is finished is in ${folders.join(" and ")}`;
    console.error(`\nInterrupted; ${kept}: ${goOn}`);
    return interruption.code;
  } finally {
    for (const { results } of sides) results.close();
  }
}

/** Another program plans for itself: what does not fit says so when it runs. */
const notPlanned = (): PlannedStep => ({ wantedBytes: 0, memory: null, refusal: null });

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

/** Writes the report of what there is, and may print it. */
async function leaveReport(
  side: Side,
  records: readonly CellRecord[],
  print: false | typeof printTables,
): Promise<void> {
  if (records.length === 0) return;
  await side.results.settle();
  await writeFiles(side.folder, side.results.text);
  if (print) print(side, records);
}

function printSummary({ folder, header }: Side, records: readonly CellRecord[]): void {
  printJson(summarizeSweep(folder, { header, records }));
}

/** The tables, then what they say. */
function printTables({ header }: Side, records: readonly CellRecord[]): void {
  for (const { title, table } of sections(records, header)) {
    console.log(`\n${title}\n\n${printable(table)}`);
  }
  console.log(`\n${printable(answers(records, compare(records), header))}`);
}

/** 0 if every process ended well; to run out of memory is a result, and to diverge that of the policy which must fail. */
export function exitCode(records: readonly Pick<CellRecord, "status" | "configuration">[]): number {
  const good = ({ status, configuration: { policy } }: typeof records[number]) =>
    status === "ok" || status === "oom" || (status === "diverged" && policy === mustFail);
  return records.every(good) ? 0 : 1;
}

/** Throws a UserError if a process met what the sweep did not begin with: other data, another adapter, other sources. */
async function refuseChange(
  { environment, sources }: SweepHeader,
  { report }: TrainingData,
  { data, adapter: found }: ChildAnswer,
  program?: string,
): Promise<void> {
  const refuse = (what: string) => {
    throw new UserError(`In mid-sweep ${what} changed, so the last cell is not recorded: restore it`);
  };
  if (data && data.digest !== report.digest) refuse(`the data (${report.name})`);
  // A cell may not read what tells an NVIDIA driver's version, so it can be null there.
  const otherDriver = found?.driver != null && found.driver !== environment.driver;
  if (found && (adapterTitle(found) !== adapterTitle(environment) || otherDriver)) {
    const name = (of: typeof found) => of.driver ? `${adapterTitle(of)} with ${of.driver}` : adapterTitle(of);
    refuse(`the adapter (${name(environment)} to ${name(found)})`);
  }
  if (await currentSources(program) !== sources) refuse("the program's sources");
}
