/** How training ended by the policies and arithmetics of a frontier, each of which trained in one combination. */

import type { ModelType } from "../../src/models/families.ts";
import { percentage, plural } from "../../src/text/format.ts";
import { mean } from "../statistics/statistics.ts";
import type { Cell } from "./cell_rounds.ts";
import type { FrontierPoint } from "./frontier.ts";
import { marginOf } from "./margins.ts";
import { hasLearnt, lossShares } from "./parity.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";
import { code, list } from "./words.ts";

/** The combinations whose validation loss ended above `exact`'s by more than the margin within which losses count as equal. */
export interface LossesAbove {
  readonly steps: number;
  readonly seeds: number;
  readonly margin: number;
  /** Whether `exact` did better by then than what is known of the data without a network. */
  readonly learnt: boolean;
  /** As a share of `exact`'s loss, the highest first. */
  readonly above: readonly { name: string; share: number }[];
}

/** How training ended under some combinations; null where no two trained from the same seeds. Of one seed it is no test: chance is not told apart. */
export function lossesAbove(
  comparison: Comparison<Cell>,
  points: readonly FrontierPoint[],
): LossesAbove | null {
  const exact = baseOf(comparison);
  const [trained] = exact.records.filter(({ quality }) => quality);
  const ended = points.flatMap(({ name, cell }) => {
    const shares = lossShares(cell, exact);
    return shares.length > 0 ? [{ name, share: mean(shares), seeds: shares.length }] : [];
  });
  if (!trained || ended.length === 0) return null;
  const margin = marginOf({ modelType: trained.architecture.modelType as ModelType });
  return {
    steps: trained.configuration.qualitySteps,
    seeds: Math.max(...ended.map(({ seeds }) => seeds)),
    margin,
    learnt: hasLearnt(exact),
    above: ended.filter(({ share }) => share > margin).toSorted((a, b) => b.share - a.share),
  };
}

/** "`mesa8` (7.0%) and `tensor8` (3.4%)" */
export const sharesAbove = (above: LossesAbove["above"]): string =>
  list(above.map(({ name, share }) => `${code(name)} (${(100 * share).toFixed(1)}%)`));

const idle =
  ", which says nothing of a policy: `exact` did no better by then than what is known of the data without a network";

/** Under which of some combinations losses ended higher; null where none are compared. */
export function lossesSentence(comparison: Comparison<Cell>, losses: LossesAbove | null): string | null {
  if (!losses) return null;
  const { steps, seeds, margin, learnt, above } = losses;
  const where = `After ${plural(steps, "step")} from ${plural(seeds, "seed")}`;
  const within = `${percentage(margin)} above ${code(baseOf(comparison).configuration.policy)}'s`;
  return above.length === 0
    ? `${where} no validation loss lies more than ${within}${learnt ? "" : idle}.`
    : `${where} the validation loss lies more than ${within} under ${sharesAbove(above)}.`;
}
