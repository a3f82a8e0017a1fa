/** How training ended by the policies and arithmetics of a frontier, each of which trained in one combination. */

import type { ModelType } from "../../src/models/families.ts";
import { percentage, plural } from "../../src/text/format.ts";
import { mean } from "../statistics/statistics.ts";
import type { Cell } from "./cell_rounds.ts";
import type { FrontierPoint } from "./frontier.ts";
import { marginOf } from "./margins.ts";
import { lossShares } from "./parity.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";
import { code, list } from "./words.ts";

/**
 * Under which of some combinations the validation loss ended above `exact`'s by more than the margin within which losses count as equal, the
 * highest first; null where no two trained from the same seeds. Of one seed it is no test: chance is not told apart.
 */
export function lossesSentence(
  comparison: Comparison<Cell>,
  points: readonly FrontierPoint[],
): string | null {
  const exact = baseOf(comparison);
  const [trained] = exact.records.filter(({ quality }) => quality);
  const ended = points.flatMap(({ name, cell }) => {
    const shares = lossShares(cell, exact);
    return shares.length > 0 ? [{ name, share: mean(shares), seeds: shares.length }] : [];
  });
  if (!trained || ended.length === 0) return null;
  const margin = marginOf({ modelType: trained.architecture.modelType as ModelType });
  const above = ended.filter(({ share }) => share > margin).toSorted((a, b) => b.share - a.share);
  const where = `After ${plural(trained.configuration.qualitySteps, "step")} from ${
    plural(Math.max(...ended.map(({ seeds }) => seeds)), "seed")
  }`;
  const within = `${percentage(margin)} above ${code(exact.configuration.policy)}'s`;
  return above.length === 0
    ? `${where} no validation loss lies more than ${within}.`
    : `${where} the validation loss lies more than ${within} under ${
      list(above.map(({ name, share }) => `${code(name)} (${(100 * share).toFixed(1)}%)`))
    }.`;
}
