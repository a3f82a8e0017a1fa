/** What became of memory that was re-invested, as records tell it. */

import { type CellRecord, type Pace, ran } from "../results/results.ts";
import { crowding } from "../results/timed_alone.ts";
import type { Investment, Reinvestment } from "../results/run_header.ts";
import { holm } from "../statistics/equivalence.ts";
import { type PairedRatio, pairedRatio } from "../statistics/paired_ratio.ts";
import { mean, pairedTest } from "../statistics/statistics.ts";
import { Cell } from "./cell_rounds.ts";
import { hasLearnt, type Paired, pairedLosses } from "./parity.ts";

/** The two ways to compare runs of different steps. */
export const equals = ["time", "tokens"] as const;
export type Equal = typeof equals[number];

/** A training run of an arm, over seeds, beside `exact`'s. */
export interface Outcome {
  readonly steps: number;
  /** Time of those steps as a multiple of `exact`'s, by the paired speeds that the sweep measured; null of one that was not timed. */
  readonly time: number | null;
  /** Tokens of those steps, likewise: of few steps no whole number makes them equal. */
  readonly tokens: number;
  readonly losses: Paired;
  /**
   * Whether the loss is lower than `exact`'s, or higher, by a test that counts all ways to re-invest the budget, or of some seed no number;
   * undefined: not settled.
   */
  readonly verdict?: "lower" | "higher" | "diverged";
}

/** A policy at one size, at `exact`'s budget. */
export interface InvestedArm {
  readonly policy: string;
  /** What has grown; undefined: nothing. */
  readonly into?: Investment;
  /** Its records, of which the last rounds by equal tokens only time. */
  readonly records: Readonly<Record<Equal, readonly CellRecord[]>>;
  /** What is timed: the records by equal tokens, where there are any. */
  readonly cell: Cell;
  /** Tokens a second as a multiple of `exact`'s, round by round; null of one that was not timed. */
  readonly speed: PairedRatio | null;
  readonly outcomes: Readonly<Partial<Record<Equal, Outcome>>>;
}

/** All that was run at one budget. */
export interface Invested {
  readonly found: Reinvestment;
  readonly exact: Cell;
  /** Those at `exact`'s size first. */
  readonly arms: readonly InvestedArm[];
  /** Whether `exact` does better than what is known without a network; null where nothing was trained. */
  readonly learnt: boolean | null;
}

/** The probability that any verdict at a budget on equal time, or on equal tokens, is false. */
export const level = 0.05;

/** The records of all that was run at a budget. */
export const recordsAt = (
  budget: Pick<Reinvestment, "model" | "sequence" | "batch">,
  records: readonly CellRecord[],
): CellRecord[] =>
  records.filter(({ configuration: { reinvested, again, sequence, ...own } }) => {
    const { model, batch } = reinvested ?? own;
    return !again && model === budget.model && batch === budget.batch && sequence === budget.sequence;
  });

/** What was run at each budget, of those where `exact` has a record. */
export function invested(records: readonly CellRecord[], all: readonly Reinvestment[]): Invested[] {
  const crowded = crowding(records);
  return all.flatMap((found) => {
    const own = recordsAt(found, records);
    const isExact = ({ configuration }: CellRecord) => configuration.policy === "exact";
    const base = own.filter(isExact);
    if (base.length === 0) return [];
    const exact = new Cell(base, crowded);
    const groups = Map.groupBy(
      own.filter((record) => !isExact(record)),
      ({ configuration: { policy, reinvested } }) => JSON.stringify([policy, reinvested?.into]),
    );
    const arms = [...groups.values()].map((records) => armOf(records, exact));
    const learnt = exact.qualities.size > 0 ? hasLearnt(exact) : null;
    return [{ found, exact, arms: learnt ? judged(arms) : arms, learnt }];
  });
}

const paceOf = ({ configuration: { reinvested } }: CellRecord): Pace | undefined => reinvested?.pace;

function armOf(records: readonly CellRecord[], exact: Cell): InvestedArm {
  const { policy, reinvested } = records[0].configuration;
  const own = { time: records.filter(paceOf), tokens: records.filter((record) => !paceOf(record)) };
  const cell = new Cell(own.tokens.length > 0 ? own.tokens : records, exact.crowded);
  const outcome = (of: readonly CellRecord[]) => of.length > 0 && outcomeOf(new Cell(of), cell, exact);
  const [time, tokens] = equals.map((equal) => outcome(own[equal]));
  return {
    policy,
    ...reinvested?.into && { into: reinvested.into },
    records: own,
    cell,
    speed: speedAgainst(cell, exact),
    outcomes: { ...time && { time }, ...tokens && { tokens } },
  };
}

/** Tokens a second as a multiple of another cell's, of whatever batch. */
function speedAgainst(cell: Cell, exact: Cell): PairedRatio | null {
  const tokens = cell.configuration.batch / exact.configuration.batch;
  const own = new Map([...cell.stepByRound].map(([round, step]) => [round, step / tokens]));
  return pairedRatio(exact.stepByRound, own);
}

/** Losses beside `exact`'s, seed by seed; of a single seed a difference without an interval. Null without any. */
function lossesOf(trained: Cell, exact: Cell): Paired | null {
  const [pair] = trained.pairedQualities(exact);
  if (!pair) return null;
  const [own, loss] = [pair.own.validationLoss, pair.base.validationLoss];
  return pairedLosses(trained, exact) ?? {
    ...{ seeds: 1, difference: null, loss },
    differences: own !== null && loss !== null ? [own - loss] : null,
    lost: own === null && loss !== null ? 1 : 0,
  };
}

function outcomeOf(trained: Cell, timed: Cell, exact: Cell): Outcome | null {
  const losses = lossesOf(trained, exact);
  if (!losses) return null;
  const [steps, base] = [trained, exact].map(stepsOf);
  const tokens = steps * trained.configuration.batch / (base * exact.configuration.batch);
  const speed = speedAgainst(timed, exact);
  return { steps, time: speed && tokens / speed.ratio, tokens, losses };
}

/** Whether an arm has a loss, or ought to have one. */
export const isTrained = ({ records: { tokens, time } }: InvestedArm): boolean =>
  [...tokens, ...time].some(({ quality, configuration }) => quality || configuration.qualitySteps > 0);

/** What an arm has trained from several seeds, in equal time or in equal tokens; undefined: nothing, or from one alone. */
function testable({ outcomes }: InvestedArm, equal: Equal): Outcome | undefined {
  const outcome = outcomes[equal];
  return outcome && outcome.losses.seeds > 1 ? outcome : undefined;
}

/** Training steps of a run: of shards that timed steps each for itself, the mean. */
const stepsOf = ({ records }: Cell) =>
  mean(records.flatMap(({ quality, configuration }) => quality ? [configuration.qualitySteps] : []));

/** Adds verdicts: Student's paired test of each arm that has grown, by Holm's procedure over those of a budget. */
function judged(arms: readonly InvestedArm[]): InvestedArm[] {
  const verdicts = equals.map((equal) => {
    const tried = arms.flatMap((arm) => {
      const outcome = arm.into && testable(arm, equal);
      return outcome ? [{ arm, outcome, p: pairedTest(outcome.losses.differences ?? [])?.p ?? 1 }] : [];
    });
    const steps = holm(tried.map(({ p }) => p), level);
    return [
      equal,
      new Map(tried.map(({ arm, outcome }, i) => [arm, verdictOf(outcome, steps[i].rejected, equal)])),
    ] as const;
  });
  return arms.map((arm) => ({
    ...arm,
    outcomes: Object.fromEntries(
      verdicts.flatMap(([equal, of]) => {
        const [outcome, verdict] = [arm.outcomes[equal], of.get(arm)];
        return outcome ? [[equal, { ...outcome, ...verdict && { verdict } }]] : [];
      }),
    ),
  }));
}

/** How far from `exact`'s the time or the tokens of a run may lie that are called equal, as a share of them: so far speeds and steps are off. */
export const equalTolerance = 0.02;

/** What a test says; a run that took more of what ought to be equal is not called better, nor one that took less worse. */
function verdictOf(outcome: Outcome, rejected: boolean, equal: Equal): Outcome["verdict"] {
  const { losses: { difference, lost }, [equal]: share } = outcome;
  if (lost > 0) return "diverged";
  if (!difference || !rejected) return undefined;
  const verdict = difference.mean < 0 ? "lower" : "higher";
  const unfair = verdict === "lower"
    ? (share ?? Infinity) > 1 + equalTolerance
    : (share ?? 0) < 1 - equalTolerance;
  return unfair ? undefined : verdict;
}

/** What tests say of the ways to re-invest, in equal time or in equal tokens. */
export interface Tally {
  /** Those of which a loss of more than one seed is known. */
  readonly ways: readonly { readonly arm: InvestedArm; readonly outcome: Outcome }[];
  /** Those of which none is, as runs did not come to their end. */
  readonly failed: readonly InvestedArm[];
  readonly lower: number;
  readonly higher: number;
  readonly diverged: number;
  /** Of how many the time, or the tokens, were not `exact`'s. */
  readonly apart: number;
}

/** Counts the verdicts on what has grown. */
export function tallyOf(arms: readonly InvestedArm[], equal: Equal): Tally {
  const grown = arms.filter(({ into }) => into);
  const ways = grown.flatMap((arm) => {
    const outcome = testable(arm, equal);
    return outcome ? [{ arm, outcome }] : [];
  });
  const failed = grown.filter((arm) =>
    !testable(arm, equal) && arm.records[equal].some((record) => !ran(record))
  );
  const count = (verdict: Outcome["verdict"]) =>
    ways.filter(({ outcome }) => outcome.verdict === verdict).length;
  const apart = ways.filter(({ outcome: { [equal]: share } }) =>
    share === null || Math.abs(share - 1) > equalTolerance
  );
  const verdicts = { lower: count("lower"), higher: count("higher"), diverged: count("diverged") };
  return { ways, failed, ...verdicts, apart: apart.length };
}
