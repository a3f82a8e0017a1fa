/** What a sweep looks for by plan before it runs anything, and the cells that come of it. */

import type { BuilderOptions } from "../../src/gpu/builder.ts";
import type { ModelConfig } from "../../src/models/model_config.ts";
import { bytes } from "../../src/text/format.ts";
import { Progress } from "../../src/text/progress.ts";
import { describeChoices } from "../../src/train/step_choices.ts";
import { type CellConfiguration, modelOf } from "../results/results.ts";
import type { Frontier, LongestSequences, PlannedCombination, SweepHeader } from "../results/run_header.ts";
import { choosings, chosen, planCombinations } from "../sweep/frontier.ts";
import { lengthsOf, longestSequences, proves } from "../sweep/longest.ts";
import type { Shape } from "../sweep/shapes.ts";
import { planSweep } from "../sweep/sweep.ts";
import { ofModel, type SweepOptions } from "../sweep/sweep_options.ts";
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
 * @param lengthsGiven whether the user named lengths, so that those which are found are not proved
 */
export async function planAhead(
  all: SweepOptions,
  told: CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  builder: BuilderOptions,
  lengthsGiven: boolean,
): Promise<PlannedAhead> {
  if (all.longest) {
    const searching = { ...all, longest: all.longest };
    const longest = await search(searching, builder);
    return { found: { longest }, cells: lengthsGiven ? told : [...told, ...proofs(searching, longest)] };
  }
  if (all.frontier) {
    const frontier = await combine({ ...all, frontier: all.frontier }, told, dataOf, builder);
    return { found: { frontier }, cells: planSweep(all, undefined, chosenOf(all, frontier)) };
  }
  return { found: {}, cells: told };
}

type Searching = SweepOptions & Required<Pick<SweepOptions, "longest">>;

/** The longest sequences that fit by plan. */
async function search(
  all: Searching,
  builder: BuilderOptions,
): Promise<LongestSequences> {
  const { memory } = all;
  console.error(
    `Looking for the longest sequences${memory === undefined ? "" : ` in ${bytes(memory)}`} by plan`,
  );
  return await longestSequences(all, builder);
}

/**
 * One step of each length that was found, but for those that a sweep covers anyway: without any to warm up, for they take long. The shortest
 * come first, so that a run that is ended early has most of them.
 */
function proofs(all: Searching, longest: LongestSequences): CellConfiguration[] {
  const lengths = (model: ModelConfig) =>
    lengthsOf(longest, model, all).filter((length) => !ofModel(all.sequences, model).includes(length));
  const models = all.models.filter((model) => lengths(model).length > 0);
  const once = { ...all, models, rounds: 1, seeds: 1, warmup: 0, steps: 1 };
  return planSweep(once, lengths).filter((cell) => proves(cell, longest, all))
    .toSorted((a, b) => a.sequence - b.sequence);
}

/** Every combination of policies and choices by plan. */
async function combine(
  all: SweepOptions & Required<Pick<SweepOptions, "frontier">>,
  told: readonly CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  builder: BuilderOptions,
): Promise<Frontier> {
  const { frontier: { most }, policies: [first] } = all;
  const plain = told.filter(({ round, policy, again }) => round === 0 && policy === first.name && !again);
  const shapes = plain.map((cell): Shape => {
    const { sequence, batch } = cell;
    return { model: dataOf(cell).fit(modelOf(cell)), sequence, batch };
  });
  const tried = choosings(shapes, all, builder);
  const sizeOf = ({ model, sequence, batch }: Shape) => `${model.name} ${batch} × ${sequence}`;
  const progress = new Progress(tried.map(({ shape }) => sizeOf(shape)));
  const planned: PlannedCombination[] = [];
  for (const [i, one] of tried.entries()) {
    const choices = describeChoices(one.choices).join(", ") || "a step's defaults";
    const label = `planning ${sizeOf(one.shape)}, every policy with ${choices}`;
    planned.push(...await progress.during(i, label, () => planCombinations(one, all, builder)));
  }
  progress.clear();
  return { most, planned };
}

/** What is measured of each model and size beside the policies. */
const chosenOf = (all: SweepOptions, { planned }: Frontier) => ({ model, sequence, batch }: Shape) =>
  chosen(
    planned.filter((one) => one.model === model.name && one.sequence === sequence && one.batch === batch),
    all,
  );
