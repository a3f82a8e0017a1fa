import { plural } from "../../src/text/format.ts";
import { recordsOf } from "../report/cell_rounds.ts";
import { lossDifferences, lossSentence, lossTable } from "../report/losses.ts";
import { names } from "../report/side_by_side.ts";
import { picture, sources } from "./making.ts";
import type { Reports } from "./reports.ts";

/** What policies cost in validation loss. */
export function qualitySection({ sweeps: { quality, qualityImages } }: Reports): string | null {
  const sweeps = [quality, qualityImages].filter((sweep) => sweep !== undefined);
  if (sweeps.length === 0) return null;
  // What was trained anew is told by its later runs.
  const told = sweeps.flatMap(({ comparisons }) =>
    comparisons.map((one) => [names(one).join(), one] as const)
  );
  const comparisons = [...new Map(told).values()];
  const records = recordsOf(comparisons);
  const steps = Math.max(...records.map(({ configuration }) => configuration.qualitySteps));
  const generated = records.some(({ data }) => data.kind === "images" && data.generated);
  return [
    "### Quality",
    `${lossSentence(lossDifferences(comparisons))} Final validation loss after ${
      plural(steps, "step")
    } less \`exact\`'s from the same seeds, in nats: mean, Student's 95% interval, and the interval's worse end as a share of \`exact\`'s ` +
    `loss${generated ? "; the images are generated" : ""}.`,
    lossTable(comparisons),
    sources(...sweeps),
    ...sweeps.map((sweep) =>
      picture(sweep, "loss_difference.svg", "Training loss less that of exact from the same seeds, by policy")
    ),
  ].join("\n\n");
}
