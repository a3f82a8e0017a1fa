/** What a sweep looks for by plan before it runs anything, and the cells that come of it. */

import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { bytes } from "../../src/text/format.ts";
import { type CellConfiguration, modelOf } from "../results/results.ts";
import type { Frontier, LongestSequences, SweepHeader } from "../results/run_header.ts";
import { chosen, planCombinations } from "../sweep/frontier.ts";
import { lengthsOf, longestSequences } from "../sweep/longest.ts";
import type { Shape } from "../sweep/shapes.ts";
import { planSweep } from "../sweep/sweep.ts";
import { ofModel, type PerModel, type SweepOptions } from "../sweep/sweep_options.ts";
import type { TrainingData } from "../training/data.ts";

/** What was found by plan, for a header, and the cells that are run for it. */
export interface PlannedAhead {
  readonly found: Pick<SweepHeader, "longest" | "frontier" | "reinvest">;
  readonly cells: CellConfiguration[];
}

/**
 * Looks for the longest sequences, or at every combination of policies and choices, where a sweep asks for them.
 *
 * @param told the cells that it has anyway
 * @param lengthsGiven whether the user named lengths, so that those which are found are not run
 */
export async function planAhead(
  all: SweepOptions,
  told: CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  builder: BuilderOptions,
  lengthsGiven: boolean,
): Promise<PlannedAhead> {
  if (all.longest) {
    const longest = await search({ ...all, longest: all.longest }, builder);
    return { found: { longest }, cells: lengthsGiven ? told : planSweep(all, lengthsBy(all, longest)) };
  }
  if (all.frontier) {
    const frontier = combine({ ...all, frontier: all.frontier }, told, dataOf, builder);
    return { found: { frontier }, cells: planSweep(all, undefined, chosenOf(all, frontier)) };
  }
  return { found: {}, cells: told };
}

/** The longest sequences that fit by plan. */
async function search(
  all: Parameters<typeof longestSequences>[0],
  builder: BuilderOptions,
): Promise<LongestSequences> {
  const { memory } = all;
  console.error(
    `Looking for the longest sequences${memory === undefined ? "" : ` in ${bytes(memory)}`} by plan`,
  );
  return await longestSequences(all, builder);
}

/** The lengths of a sweep, and of each model those that were found by plan. */
function lengthsBy({ sequences, ...choices }: SweepOptions, longest: LongestSequences): PerModel {
  return (model) =>
    [...new Set([...ofModel(sequences, model), ...lengthsOf(longest, model, choices)])].toSorted((a, b) =>
      a - b
    );
}

/** Every combination of policies and choices by plan. */
function combine(
  all: SweepOptions & Required<Pick<SweepOptions, "frontier">>,
  told: readonly CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  builder: BuilderOptions,
): Frontier {
  const { frontier: { most }, policies: [first] } = all;
  const plain = told.filter(({ round, policy, again }) => round === 0 && policy === first.name && !again);
  const shapes = plain.map((cell): Shape => {
    const { sequence, batch } = cell;
    return { model: dataOf(cell).fit(modelOf(cell)), sequence, batch };
  });
  console.error("Planning every policy with every choice of a step");
  return { most, planned: planCombinations(shapes, all, builder) };
}

/** What is measured of each model and size beside the policies. */
const chosenOf = (all: SweepOptions, { planned }: Frontier) => ({ model, sequence, batch }: Shape) =>
  chosen(
    planned.filter((one) => one.model === model.name && one.sequence === sequence && one.batch === batch),
    all,
  );
