import { largestSeed } from "../../src/data/random.ts";
import { UserError } from "../../src/errors.ts";
import { familyOf } from "../../src/models/families.ts";
import { type ModelConfig, usualSequence } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { byRanks, type StepChoices, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import { type Combination, ofModel, type PerModel, type SweepOptions } from "./sweep_options.ts";
import { recipe } from "./recipe.ts";
import {
  type CellConfiguration,
  type CellRecord,
  type ChildAnswer,
  keyOf,
  modelFields,
  statusWords,
  unread,
} from "../results/results.ts";
import type { Outcomes } from "./outcomes.ts";
import { notRun, type PlannedStep } from "./planned_step.ts";
import { mostRepeats, unsteadyTimes } from "./steady_clock.ts";

/** A model and the size of its step. */
export interface Shape {
  model: ModelConfig;
  sequence: number;
  batch: number;
}

/** Throws a UserError if tables could not tell two documents apart. */
export function refuseSameNames(
  kind: "models" | "policies",
  documents: readonly { readonly name: string }[],
): void {
  const twice = documents.find(({ name }, i) => documents.findIndex((other) => other.name === name) < i);
  if (twice) throw new UserError(`Two ${kind} are called "${twice.name}"; give each a name of its own`);
}

/**
 * Every model at every sequence length (without any: its usual one; some have no other) and batch size, or at the batch size that makes
 * `tokens` a step. Throws a UserError if two models share a name, or no whole batch has so many tokens.
 */
export function shapes(
  models: readonly ModelConfig[],
  sequences: PerModel,
  batches: PerModel,
  { tokens, accumulate = stepDefaults.accumulate }: {
    readonly tokens?: number;
    readonly accumulate?: number;
  } = {},
): Shape[] {
  refuseSameNames("models", models);
  return models.flatMap((model) => {
    const given = familyOf(model).choosesSequence ? ofModel(sequences, model) : [];
    return (given.length ? given : [usualSequence(model)]).flatMap((sequence) =>
      (tokens === undefined ? ofModel(batches, model) : [batchOf(tokens, sequence, accumulate)]).map((
        batch,
      ) => ({
        model,
        sequence,
        batch,
      }))
    );
  });
}

/** Processes of the longest sweep: hours of them, and planned in seconds. */
const mostCells = 10_000;

/** Throws a UserError for more processes than a sweep can have. */
export function refuseEndless(cells: number): void {
  if (cells <= mostCells) return;
  throw new UserError(
    `The sweep has ${cells} processes, more than the ${mostCells} of one run; take fewer --rounds or --seeds, ` +
      "or fewer models, lengths, batches and policies",
  );
}

function refuseSeedsBeyond(first: number, seeds: number): void {
  const last = first + seeds - 1;
  if (last <= largestSeed) return;
  throw new UserError(
    `The ${seeds} seeds from ${first} end beyond ${largestSeed}, the largest there is; take a smaller --seed`,
  );
}

/** Throws a UserError where gradients that are to be compared do not live until then. */
function refuseUncompared({ update, qualitySteps, gradientEvery }: SweepOptions): void {
  if (update !== "backward" || qualitySteps === 0 || gradientEvery === 0) return;
  throw new UserError(
    "--gradient-every compares gradients, of which none outlives its update in backward; give --gradient-every 0",
  );
}

/** Throws a UserError if the size of a step was told in both ways. */
export function refuseBothSizes(
  { batches = [], tokens }: { readonly batches?: readonly number[]; readonly tokens?: number },
): void {
  if (batches.length === 0 || tokens === undefined) return;
  throw new UserError("--batch and --tokens both tell the size of a step; leave one out");
}

/** Sequences of each micro-batch in a step of so many tokens. */
function batchOf(tokens: number, sequence: number, microBatches: number): number {
  const least = sequence * microBatches;
  if (tokens % least === 0) return tokens / least;
  const what = microBatches > 1 ? ` in each of ${microBatches} micro-batches` : "";
  throw new UserError(
    `--tokens ${tokens} is no multiple of the ${least} tokens of a sequence${what}; give one that is`,
  );
}

/** Whether a policy is the reference that gradients are compared with. */
export const isReference = (
  { bits, attention, rules, recompute, mini_sequences: { mlp, head, head_gradients } }: PolicyDocument,
) =>
  bits === 32 && attention === "fused" && rules.length === 0 && !recompute &&
  mlp === "whole" && head === "auto" && head_gradients === "forward";

/** The model with exactly as many positions: each costs 16 bytes a channel, and those beyond the sequence would be nobody's. */
export function ofLength(model: ModelConfig, sequence: number): ModelConfig {
  if (!("positions" in model) || model.positions === sequence) return model;
  return { ...model, name: `${model.name}-${sequence}`, positions: sequence };
}

/**
 * Whether a cell's gradient is compared with the reference's. What weights and moments are kept in, and when they are updated, changes no
 * gradient of given weights, so that a combination by such choices has that of its policy in its arithmetic.
 */
function isCompared(cell: StepChoices & Pick<CellConfiguration, "storage">, own: StepChoices): boolean {
  const [{ arithmetic, ...states }, { arithmetic: _, ...plain }] = [cell, own].map(unusual);
  const isPlain = JSON.stringify(states) === JSON.stringify(plain);
  return isPlain && !(isReference(cell.storage) && arithmetic === undefined);
}

/** Rounds of a sweep that looks at speed closely enough for drift to matter. */
export const roundsForDrift = 3;

/**
 * The processes of a sweep, in order: comparison by comparison, and within one the policies in turn, round by round and every other round
 * backwards (A B C, C B A, …), so that what drifts, and who comes first, meets all policies alike. The first `seeds` rounds measure
 * quality, each from a seed of its own; later ones only time. Where there are three rounds or more, the first cell is timed once more at
 * the end. Throws a UserError if two models or two policies share a name, for more processes than a sweep can have, and for seeds that are
 * none.
 */
export function planSweep(
  options: SweepOptions,
  lengths: PerModel = options.sequences,
  combinationsAt: (shape: Shape) => readonly Combination[] = () => options.combinations ?? [],
): CellConfiguration[] {
  const { policies, qualitySteps: steps, seeds } = options;
  const all = shapes(options.models, lengths, options.batches, options).flatMap((shape) =>
    byRanks(options, options.rankCounts).map((own) => ({ ...shape, own }))
  );
  const count = Math.max(options.rounds, steps > 0 ? seeds : 1);
  const chaos = { name: "exact-other-variants", policy: "exact", kernels: "other" as const };
  const triedAt = ({ own, ...shape }: typeof all[number]) => {
    const others = [
      ...options.nullOfChaos ? [chaos] : [],
      ...combinationsAt(shape).map(({ choices, ...of }) => ({ ...of, ...choices, beside: unusual(own) })),
    ].flatMap(({ name, policy, ...kernels }) => {
      const storage = policies.find((document) => document.name === policy);
      return storage ? [{ storage: { ...storage, name }, ...kernels }] : [];
    });
    const tried = [...policies.map((storage) => ({ storage })), ...others];
    refuseSameNames("policies", tried.map(({ storage }) => storage));
    return { ...shape, own, tried };
  };
  const drift = count < roundsForDrift ? 0 : 1;
  const whole = all.map(triedAt);
  refuseEndless(whole.reduce((sum, { tried }) => sum + tried.length * count, drift));
  refuseSeedsBeyond(options.seed, Math.min(seeds, count));
  refuseUncompared(options);
  const rounds = Array.from({ length: count }, (_, round) => round);
  const cells = whole.flatMap(({ model, sequence, batch, own, tried }) =>
    rounds.flatMap((round) => {
      const common = cellFields({ model, sequence, batch }, round, own);
      const turn = round % 2 === 0 ? tried : tried.toReversed();
      return turn.map(({ storage, ...kernels }) => ({
        ...common,
        policy: storage.name,
        storage,
        ...kernels,
        gradientEvery: common.qualitySteps > 0 && isCompared({ ...common, storage, ...kernels }, own)
          ? options.gradientEvery
          : 0,
      }));
    })
  );
  return drift ? [...cells, onceMore(cells[0], count)] : cells;
}

/** What a process of a sweep is told of a round, but for its policy. */
export function cellFields(
  { model, sequence, batch }: Shape,
  round: number,
  options: SweepOptions,
): Omit<CellConfiguration, "policy" | "storage" | "gradientEvery"> {
  const { seeds, seed, qualitySteps, warmup, steps } = options;
  const trains = round < seeds;
  return {
    ...modelFields(options.growing ? ofLength(model, sequence) : model),
    sequence,
    batch,
    seed: seed + (trains ? round : 0),
    ...recipe(model, qualitySteps, options),
    ...unusual(options),
    warmupSteps: warmup,
    timedSteps: steps,
    qualitySteps: trains ? qualitySteps : 0,
    round,
  };
}

/** A cell as it is timed after all others, in a round of its own. */
export const onceMore = (cell: CellConfiguration, round: number): CellConfiguration => ({
  ...cell,
  qualitySteps: 0,
  gradientEvery: 0,
  round,
  again: true,
});

/** What a sweep needs from outside. */
export interface SweepHost {
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
 * Runs single processes of a sweep, but for those that `done` has a record of. One whose card was at its idle clock or throttled is timed
 * again. A cell that did not run to its end is given up: its later rounds are skipped. Where lengths grow, so is its policy at longer ones,
 * which are recorded with the bytes that they want, until no policy is left.
 */
export function processRunner(
  host: SweepHost,
  outcomes: Outcomes,
  done: readonly CellRecord[] = [],
): ProcessRunner {
  const recorded = new Map(done.map((record) => [keyOf(record.configuration), record]));
  return async (cell, index) => {
    const record = recorded.get(keyOf(cell));
    if (record) outcomes.note(cell, record);
    if (record || outcomes.passesOver(cell)) return;
    host.starting?.(cell, index);
    const [started, clock] = [new Date(), performance.now()]; // the date may be set back in between
    const planned = host.plan(cell);
    const answer = withoutRun(cell, planned, outcomes) ?? withMemory(await runSteadily(cell, host), planned);
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

/** Runs a cell, and times it again where its card idled or was throttled; the last times count, the others are set aside. */
async function runSteadily(cell: CellConfiguration, host: SweepHost): Promise<ChildAnswer> {
  const answer = await host.run(cell);
  let { timing } = answer.measurement;
  for (let repeat = 0; repeat < mostRepeats && timing && unsteadyTimes(timing); repeat++) {
    const again = await host.run({ ...cell, qualitySteps: 0, gradientEvery: 0 });
    if (host.signal.aborted || !again.measurement.timing) break;
    const { setAside = [], clock, stepMilliseconds, card } = timing;
    timing = { ...again.measurement.timing, setAside: [...setAside, { clock, stepMilliseconds, card }] };
  }
  return { ...answer, measurement: { ...answer.measurement, timing } };
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
