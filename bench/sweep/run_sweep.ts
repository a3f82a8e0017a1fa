import {
  type CellConfiguration,
  type CellRecord,
  type ChildAnswer,
  type Environment,
  keyOf,
  statusWords,
  unread,
} from "../results/results.ts";
import type { Outcomes } from "./outcomes.ts";
import { notRun, type PlannedStep } from "./planned_step.ts";
import { mostRepeats, unsteadyTimes } from "./steady_clock.ts";

/** What a sweep needs from outside. */
export interface SweepHost {
  /** Of the adapter of all cells. */
  readonly adapterClass: Environment["adapterClass"];
  /** Runs one cell in a process of its own; never throws for what the cell does. */
  run(cell: CellConfiguration): Promise<ChildAnswer>;
  /** Plans a cell's memory. One that the plan refuses is not run, but recorded as out of memory. */
  plan(cell: CellConfiguration): PlannedStep;
  /** Told before each process, with how many are behind. */
  starting?(cell: CellConfiguration, index: number): void;
  /** Told after each process. A rejection ends the sweep. */
  finished(cell: CellConfiguration, answer: ChildAnswer, started: Date, seconds: number): Promise<void>;
  /** Ends the sweep; the cell under way is dropped. */
  signal: AbortSignal;
}

/** Runs one process of a sweep, if it is to be run. */
export type ProcessRunner = (cell: CellConfiguration, index: number) => Promise<void>;

/**
 * Runs single processes of a sweep, but for those that `done` has a record of. One whose card was at its idle clock or throttled, or whose steps
 * were held up, is timed again, for as long as that helps: where a process stays so, the next are timed once until one is not. A cell that did not run to its end is given up: its later rounds are skipped. Where lengths grow, so is its policy at longer ones,
 * which are recorded with the bytes that they want, until no policy is left.
 */
export function processRunner(
  host: SweepHost,
  outcomes: Outcomes,
  done: readonly CellRecord[] = [],
): ProcessRunner {
  const recorded = new Map(done.map((record) => [keyOf(record.configuration), record]));
  let repeats = mostRepeats;
  return async (cell, index) => {
    const record = recorded.get(keyOf(cell));
    if (record) outcomes.note(cell, record);
    if (record || outcomes.passesOver(cell)) return;
    host.starting?.(cell, index);
    const [started, clock] = [new Date(), performance.now()]; // the date may be set back in between
    const planned = host.plan(cell);
    const answer = withoutRun(cell, planned, outcomes) ??
      withMemory(await runSteadily(cell, host, repeats), planned);
    repeats = unsteadyTimes(answer.measurement.timing, host) ? 0 : mostRepeats;
    if (host.signal.aborted) return;
    const seconds = (performance.now() - clock) / 1000;
    await host.finished(cell, answer, started, seconds);
    outcomes.note(cell, { ...answer.measurement, seconds });
  };
}

/** Runs the processes in order, as `processRunner` does. */
export const runSweep = (
  cells: readonly CellConfiguration[],
  host: SweepHost,
  outcomes: Outcomes,
  done: readonly CellRecord[] = [],
): Promise<void> => runByTurns(cells, [processRunner(host, outcomes, done)], host.signal);

/**
 * Has several programs run each process, one right after the other and every other round backwards, so that what drifts, and who comes
 * first, meets them alike.
 */
export async function runByTurns(
  cells: readonly CellConfiguration[],
  programs: readonly ProcessRunner[],
  signal: AbortSignal,
): Promise<void> {
  for (const [index, cell] of cells.entries()) {
    for (const run of cell.round % 2 === 0 ? programs : programs.toReversed()) {
      await run(cell, index);
      if (signal.aborted) return;
    }
  }
}

/** Has several programs run each process at once; what one throws is thrown when all have ended. */
export async function runAbreast(
  cells: readonly CellConfiguration[],
  programs: readonly ProcessRunner[],
  signal: AbortSignal,
): Promise<void> {
  for (const [index, cell] of cells.entries()) {
    const ended = await Promise.allSettled(programs.map((run) => run(cell, index)));
    for (const end of ended) if (end.status === "rejected") throw end.reason;
    if (signal.aborted) return;
  }
}

/** Runs a cell, and times it again where its times are not steady; the last count, the others are set aside. */
async function runSteadily(cell: CellConfiguration, host: SweepHost, repeats: number): Promise<ChildAnswer> {
  const answer = await host.run(cell);
  let { timing, ranks } = answer.measurement;
  for (let repeat = 0; repeat < repeats && timing && unsteadyTimes(timing, host); repeat++) {
    const again = await host.run({ ...cell, qualitySteps: 0, gradientEvery: 0 });
    if (host.signal.aborted || again.measurement.status !== "ok" || !again.measurement.timing) break;
    const { setAside = [], clock, stepMilliseconds, card } = timing;
    timing = { ...again.measurement.timing, setAside: [...setAside, { clock, stepMilliseconds, card }] };
    ranks = again.measurement.ranks; // whose exchanges are those of these steps
  }
  return { ...answer, measurement: { ...answer.measurement, timing, ...ranks && { ranks } } };
}

/** What is known of a cell before it is run, if that is enough. */
function withoutRun(
  cell: CellConfiguration,
  planned: PlannedStep,
  outcomes: Outcomes,
): ChildAnswer | undefined {
  if (planned.refusal !== null) return unread(notRun("oom", planned.refusal, planned));
  const shorter = outcomes.failure(cell);
  if (!shorter) return undefined;
  const { status, sequence } = shorter;
  return unread(notRun(status, `Not run: ${statusWords[status]} at ${sequence} tokens`, planned));
}

/** A process that came to no end could not tell its memory, which is a matter of the plan. */
function withMemory({ measurement, ...read }: ChildAnswer, { memory }: PlannedStep): ChildAnswer {
  return { measurement: { ...measurement, memory: measurement.memory ?? memory }, ...read };
}
