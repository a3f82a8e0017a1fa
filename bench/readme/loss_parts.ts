import { plural } from "../../src/text/format.ts";
import { type Cell, recordsOf } from "../report/cell_rounds.ts";
import { lossTable } from "../report/losses.ts";
import { controlsOf, fixedBeforehand, parities } from "../report/parity.ts";
import type { Comparison } from "../report/side_by_side.ts";

/** The steps of the longest training run. */
export const trainedSteps = (comparisons: readonly Comparison<Cell>[]): number =>
  Math.max(...recordsOf(comparisons).map(({ configuration }) => configuration.qualitySteps));

/** Losses beside `exact`'s with the verdict on each: what the table tells, the table, and the controls. */
export function lossParts(comparisons: readonly Comparison<Cell>[]): string[] {
  const records = recordsOf(comparisons);
  const generated = records.some(({ data }) => data.kind === "images" && data.generated);
  return [
    `Final validation loss after ${
      plural(trainedSteps(comparisons), "step")
    } less \`exact\`'s from the same seeds, in nats: mean, ` +
    "the interval that the test of equivalence uses (two one-sided tests at 5%, by Holm's procedure), its worse end as a share of `exact`'s " +
    `loss, and the verdict on a margin that was fixed ${
      fixedBeforehand(comparisons) ? "beforehand" : "after these runs"
    }${generated ? "; the images are generated" : ""}.`,
    lossTable(comparisons),
    comparisons.flatMap((comparison) => {
      const tested = parities(comparison);
      return tested.size > 0 ? [controlsOf(comparison, tested)] : [];
    }).join("\n"),
  ];
}
