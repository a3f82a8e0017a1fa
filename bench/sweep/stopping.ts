import { UserError } from "../../src/errors.ts";
import { type CellConfiguration, type CellMeasurement, ran } from "../results/results.ts";
import type { Stopping, Until } from "../results/run_header.ts";
import { stepByRound } from "../results/step_by_round.ts";
import { pairedRatio, reach } from "../statistics/paired_ratio.ts";
import type { SweepOptions } from "./sweep_options.ts";

/** Rounds before an interval is looked at: three in either order of the policies. */
const fewestRounds = 6;

/** Rounds that are planned where a precision is asked for and no number: they reach 0.5% where rounds scatter by 1%. */
const mostRounds = 20;

/** Seconds of a comparison. */
const usualMaxTime = 300;

/** How often the cells of a comparison run. */
export type Rounds = Pick<SweepOptions, "rounds" | "precision" | "maxTime">;

/** Rounds until the speed is known to `precision`. */
export const untilPrecision = (precision: number): Rounds => ({
  precision,
  rounds: mostRounds,
  maxTime: usualMaxTime,
});

/**
 * The rounds that a user asked for, a profile's where he asked for none: a number fixes them, a precision ends them earlier, and with both
 * the number is the most. Throws a UserError for choices of which one does nothing.
 */
export function chooseRounds(
  { rounds, precision, maxTime }: Partial<Rounds>,
  profile: Rounds,
): Rounds {
  const chosen = precision !== undefined
    ? { ...untilPrecision(precision), ...rounds !== undefined && { rounds } }
    : rounds !== undefined
    ? { rounds }
    : profile;
  if (chosen.precision === undefined && maxTime !== undefined) {
    throw new UserError("--max-time does nothing where --rounds are fixed; give --precision, too");
  }
  if (chosen.precision !== undefined && chosen.rounds <= fewestRounds) {
    throw new UserError(
      `--precision does nothing with --rounds ${chosen.rounds}: its first look is after ${fewestRounds}; leave --rounds out, or give more`,
    );
  }
  return chosen.precision === undefined || maxTime === undefined ? chosen : { ...chosen, maxTime };
}

/** How the header of a sweep tells when rounds end. */
export const stoppingOf = (
  { precision, maxTime = usualMaxTime }: SweepOptions,
): { stopping?: Stopping } =>
  precision === undefined ? {} : { stopping: { precision, fewestRounds, maxSeconds: maxTime } };

/** The same of a sweep that runs by turns with another program, which a profile's precision has nothing to say of: `tolerance` is asked for there. */
export const untilOf = (
  { precision, maxTime = usualMaxTime }: SweepOptions,
  tolerance: number,
): { until?: Until } =>
  precision === undefined ? {} : { until: { tolerance, fewestRounds, maxSeconds: maxTime } };

/** What the rule looks at of a process. */
export interface Timed extends Pick<CellMeasurement, "status" | "timing"> {
  readonly configuration: CellConfiguration;
  /** Wall clock of the process. */
  readonly seconds: number;
  /** Whose it is, where two programs run by turns. */
  readonly side?: number;
}

/** When a comparison ends. */
export interface Rule extends Pick<Stopping, "fewestRounds" | "maxSeconds"> {
  /** Whether its records of so many rounds tell enough. */
  readonly known: (records: readonly Timed[], rounds: number) => boolean;
}

/** Why a comparison ended, and after how many rounds. */
export interface Stop {
  rounds: number;
  why: "precision" | "time";
}

/**
 * Whether the rounds of a comparison end before round `before`; null if they go on. It depends on nothing but the records, so that whoever
 * looks at them, in mid-sweep or later, sees the same end. After `fewestRounds`, and then after every second round, when each order of the
 * policies ran equally often, the rule looks at them.
 */
export function stopBefore(before: number, records: readonly Timed[], rule: Rule): Stop | null {
  for (let rounds = 1; rounds <= before; rounds++) {
    const past = records.filter(({ configuration }) => configuration.round < rounds);
    const looks = rounds >= rule.fewestRounds && (rounds - rule.fewestRounds) % 2 === 0;
    if (looks && rule.known(past, rounds)) return { rounds, why: "precision" };
    if (secondsOfTiming(past) >= rule.maxSeconds) return { rounds, why: "time" };
  }
  return null;
}

/** Training runs for quality are no time that a further round would take. */
function secondsOfTiming(records: readonly Timed[]): number {
  return records.reduce(
    (sum, { configuration, seconds }) => sum + (configuration.qualitySteps === 0 ? seconds : 0),
    0,
  );
}

/**
 * Ends where records of so many rounds, all of which are there, tell every policy's speed within the precision.
 *
 * An interval of a chosen width at a chosen number of looks holds the truth somewhat less often than 95 times in 100 (Chow and Robbins,
 * On the Asymptotic Theory of Fixed-Width Sequential Confidence Intervals for the Mean, 1965); few looks, none of them early, keep that
 * above 92, as the test simulates. A cell that did not run to its end has no further rounds, and nobody waits for its interval.
 */
export const untilPrecise = ({ precision, ...limits }: Stopping): Rule => ({
  ...limits,
  known(records, rounds) {
    const policies = Map.groupBy(records, ({ configuration }) => configuration.policy);
    const base = policies.get("exact") ?? policies.values().next().value ?? [];
    if (!base.every(ran)) return true; // nothing to compare with
    const steps = stepByRound(base);
    if (steps.size < rounds) return false;
    return [...policies.values()].filter((own) => own !== base && own.every(ran)).every((own) => {
      const paired = pairedRatio(steps, stepByRound(own));
      const far = paired && reach(paired);
      return far !== null && paired!.rounds === rounds && far <= precision;
    });
  },
});

/** Ends, as far as the records of one of two programs tell, as soon as both may have known enough: when so many rounds are there. */
export const asFarAsOneTells = (limits: Until): Rule => ({
  ...limits,
  known: (records, rounds) =>
    records.length > 0 &&
    Map.groupBy(records, ({ configuration }) => configuration.policy).values().every((cell) =>
      !cell.every(ran) || cell.length >= rounds
    ),
});
