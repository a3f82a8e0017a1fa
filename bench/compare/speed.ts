import type { Cell } from "../report/cell_rounds.ts";
import { fewestPairs, pairedRatio } from "../statistics/paired_ratio.ts";
import { mean, sampleStandardDeviation } from "../statistics/statistics.ts";
import { criticalT } from "../statistics/student.ts";

/** Speed of one cell as a multiple of another's. Above 1 is faster. */
export interface SpeedRatio {
  readonly ratio: number;
  /** 95% interval; null where too few rounds were timed. */
  readonly low: number | null;
  readonly high: number | null;
  /** Rounds of the pair; of two runs, of the shorter one. */
  readonly rounds: number;
}

/** Whether there are fewer rounds than tell an interval. */
export const hasFewRounds = ({ rounds }: Pick<SpeedRatio, "rounds">): boolean => rounds < fewestPairs;

export type SpeedVerdict = "faster" | "slower" | "same" | "unsure";

/**
 * What an interval says where `tolerance` is what counts as the same: `same` lies within it as a whole, `faster` and `slower` beyond it as
 * a whole. Whatever reaches over an edge is `unsure`, and so is what has no interval. A difference that is none is thus called one far less
 * often than in one of twenty cells.
 */
export function verdictOf({ low, high }: SpeedRatio, tolerance: number): SpeedVerdict {
  if (low === null || high === null) return "unsure";
  if (low > 1 + tolerance) return "faster";
  if (high < 1 - tolerance) return "slower";
  return low >= 1 - tolerance && high <= 1 + tolerance ? "same" : "unsure";
}

/** Of cells whose rounds ran by turns: the paired ratio of their rounds. Null without a pair. */
export function pairedSpeed(
  base: Pick<Cell, "stepByRound">,
  own: Pick<Cell, "stepByRound">,
): SpeedRatio | null {
  const paired = pairedRatio(base.stepByRound, own.stepByRound);
  if (!paired) return null;
  const { ratio, interval, rounds } = paired;
  return { ratio, low: interval?.low ?? null, high: interval?.high ?? null, rounds };
}

/** Of cells of two runs: the ratio of the geometric means of their rounds, and Welch's interval, which knows nothing of what lies between the runs. */
export function separateSpeed(base: readonly number[], own: readonly number[]): SpeedRatio | null {
  if (base.length === 0 || own.length === 0) return null;
  const [baseLogs, ownLogs] = [base, own].map((steps) => steps.map(Math.log));
  const difference = mean(baseLogs) - mean(ownLogs);
  const rounds = Math.min(base.length, own.length);
  if (hasFewRounds({ rounds })) return { ratio: Math.exp(difference), low: null, high: null, rounds };
  const variances = [baseLogs, ownLogs].map((logs) => sampleStandardDeviation(logs) ** 2 / logs.length);
  const reach = Math.sqrt(variances[0] + variances[1]) * welchT(variances, [base.length, own.length]);
  return {
    ratio: Math.exp(difference),
    low: Math.exp(difference - reach),
    high: Math.exp(difference + reach),
    rounds,
  };
}

/** The 97.5% point by Welch's degrees of freedom; of samples without any variance whatever, for it is multiplied by 0. */
function welchT(variances: readonly number[], counts: readonly number[]): number {
  const sum = variances[0] + variances[1];
  if (sum === 0) return 0;
  const parts = variances.map((variance, i) => (variance / sum) ** 2 / (counts[i] - 1));
  return criticalT(0.95, 1 / (parts[0] + parts[1]));
}

/** Times of a step, as they are and in units of each work of the reference that all the rounds of both cells have. */
function readings(base: Cell, own: Cell): [base: number[], own: number[]][] {
  const works = [base, own].map((cell) =>
    [...cell.referenceByRound.values()].map((reference) => new Set(Object.keys(reference)))
  ).flat();
  const rounds = base.stepByRound.size + own.stepByRound.size;
  const shared = works.length < rounds
    ? []
    : [...works[0]].filter((name) => works.every((all) => all.has(name)));
  const inUnits = (cell: Cell, work?: string) =>
    [...cell.stepByRound].map(([round, step]) =>
      work === undefined ? step : step / cell.referenceByRound.get(round)![work]
    );
  return [undefined, ...shared].map((work) => [inUnits(base, work), inUnits(own, work)]);
}

/**
 * Of cells of two separate runs, between which the machine may have become faster or slower. Each process timed a reference that no change
 * of the program changes; a step is taken as it is and in units of each of its works, and the interval covers all of these. `known` tells
 * whether there is such a reference; without one the interval leaves out what lies between the runs.
 */
export function driftingSpeed(base: Cell, own: Cell): { speed: SpeedRatio; known: boolean } | null {
  const all = readings(base, own).flatMap(([one, other]) => separateSpeed(one, other) ?? []);
  if (all.length === 0) return null;
  const lows = all.flatMap(({ low }) => low ?? []);
  const highs = all.flatMap(({ high }) => high ?? []);
  return {
    speed: {
      ...all[0],
      low: lows.length > 0 ? Math.min(...lows) : null,
      high: highs.length > 0 ? Math.max(...highs) : null,
    },
    known: all.length > 1,
  };
}
