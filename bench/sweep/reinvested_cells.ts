/** The processes that compare what one budget of memory affords. */

import type { CellConfiguration, Pace } from "../results/results.ts";
import type { Arm, Reinvesting } from "./reinvest.ts";
import { cellFields, onceMore, refuseEndless, roundsForDrift } from "./sweep.ts";
import type { Shape } from "./shapes.ts";
import type { SweepOptions } from "./sweep_options.ts";

/** Milliseconds of a step of an arm and of `exact`'s; undefined where one is not known. */
export type PaceOf = (arm: Arm, budget: Reinvesting) => Pace | undefined;

/** Steps that take so many sequences as others of another batch, to the nearest. */
export const stepsOfTokens = (steps: number, exactBatch: number, ownBatch: number): number =>
  atLeastOne(steps * exactBatch / ownBatch);

/** Steps that take as long as others of another pace, to the nearest. */
export const stepsOfTime = (steps: number, { exact, own }: Pace): number => atLeastOne(steps * exact / own);

/** Steps for which `exact` trains at a size: as many as are asked for, of which no model sees more than `mostTokens`. */
export function exactSteps(
  { sequence, batch }: Omit<Shape, "model">,
  { qualitySteps, reinvest }: Pick<SweepOptions, "qualitySteps" | "reinvest">,
): number {
  const most = (reinvest?.mostTokens ?? Infinity) / (batch * sequence);
  return qualitySteps && atLeastOne(Math.min(qualitySteps, most));
}

/** Whether an arm is trained: `exact`, and what has grown. Whether a policy trains as well at the same size is what `parity` asks. */
export function trains(
  { policy, into }: Arm,
  { shape }: Pick<Reinvesting, "shape">,
  { qualitySteps, reinvest }: Pick<SweepOptions, "qualitySteps" | "reinvest">,
): boolean {
  const timed = [shape.model.name, policy.name].some((name) => reinvest?.timedOnly.includes(name));
  return qualitySteps > 0 && !timed && (policy.name === "exact" || into !== undefined);
}

const atLeastOne = (steps: number) => Math.max(1, Math.round(steps));

/**
 * The processes of a sweep over budgets, in order: budget by budget, and within one its arms in turn, round by round and every other round
 * backwards, as `planSweep` has them. In the first `seeds` rounds each arm that is trained sees as many tokens as `exact` does, and, but for
 * `exact` itself, trains once more for as long as `exact` takes, where its pace is known; later rounds only time. Each run has a schedule of
 * its own length. Throws a UserError for more processes than a sweep can have.
 */
export function planReinvested(
  options: SweepOptions,
  budgets: readonly Reinvesting[],
  paceOf: PaceOf,
): CellConfiguration[] {
  const { seeds, rounds } = options;
  const count = Math.max(rounds, options.qualitySteps > 0 ? seeds : 1);
  const cells = budgets.flatMap((budget) => {
    const { shape } = budget;
    const runs = budget.arms.flatMap((arm) => {
      const steps = trains(arm, budget, options) ? exactSteps(shape, options) : 0;
      const tokens = { arm, steps: steps && stepsOfTokens(steps, shape.batch, arm.batch) };
      const pace = steps > 0 && arm.policy.name !== "exact" ? paceOf(arm, budget) : undefined;
      return pace ? [tokens, { arm, steps: stepsOfTime(steps, pace), pace }] : [tokens];
    });
    return Array.from({ length: count }, (_, round) => {
      const inTurn = runs.filter((run) => !("pace" in run) || round < seeds)
        .map((run) => cellOf(run, budget, round, options));
      return round % 2 === 0 ? inTurn : inTurn.toReversed();
    }).flat();
  });
  const drift = count < roundsForDrift ? [] : [onceMore(cells[0], count)];
  refuseEndless(cells.length + drift.length);
  return [...cells, ...drift];
}

interface Run {
  readonly arm: Arm;
  readonly steps: number;
  readonly pace?: Pace;
}

function cellOf(
  { arm, steps, pace }: Run,
  { shape }: Reinvesting,
  round: number,
  options: SweepOptions,
): CellConfiguration {
  const { policy, into, learningRate } = arm;
  const base = { model: shape.model.name, batch: shape.batch };
  return {
    ...cellFields(arm, round, { ...options, qualitySteps: steps, learningRate }),
    policy: policy.name,
    storage: policy,
    ...(into || pace) && { reinvested: { ...base, ...into && { into }, ...pace && { pace } } },
    gradientEvery: 0,
  };
}
