/** How long a sequence may be, by plan alone. */

import { remembered } from "../../kernels/shared/remembered.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { familyOf } from "../../src/models/families.ts";
import { type ModelConfig, mostTokens } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { type StepChoices, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import type { CellConfiguration } from "../results/results.ts";
import { isOf, type Limit, type LongestSequence, type LongestSequences } from "../results/run_header.ts";
import { largestWhere } from "./largest.ts";
import { exceeds, planStep } from "./planned_step.ts";
import { ofLength } from "./shapes.ts";
import { ofModel, type SweepOptions } from "./sweep_options.ts";

/** What is looked for: each model at each batch size, under each policy with each of some choices. */
type Search =
  & Pick<SweepOptions, "models" | "batches" | "policies" | "memory">
  & Required<Pick<SweepOptions, "longest">>
  & StepChoices;

/**
 * The longest sequences that fit by plan on such an adapter, with the kernels' tables: of each model whose sequences have any length, at each
 * batch size, under each policy, with the search's own choices of a step and the others that it names. All compute in the search's arithmetic.
 */
export async function longestSequences(search: Search, adapter: BuilderOptions): Promise<LongestSequences> {
  const { models, batches, policies, memory, longest: { unit } } = search;
  const cases = models.filter((model) => familyOf(model).choosesSequence).flatMap((model) =>
    ofModel(batches, model).flatMap((batch) =>
      choicesOf(search).flatMap((choices) =>
        policies.map((policy) => ({ model, batch, policy, choices, memory, unit }))
      )
    )
  );
  const found: LongestSequence[] = [];
  for (const one of cases) found.push(await longestOf(one, adapter));
  return { unit, found };
}

/** The choices that a search names, and its own where they are none of those. */
export function choicesOf({ longest, ...own }: Pick<Search, "longest"> & StepChoices): StepChoices[] {
  const all = [...longest.choices.map((choices) => ({ ...choices, arithmetic: own.arithmetic })), own];
  return [...new Map(all.map((choices) => [JSON.stringify(unusual(choices)), unusual(choices)])).values()];
}

/** The lengths that a model's longest sequences have, with a sweep's own choices; one unit where none fits. In order, each once. */
export function lengthsOf(
  { unit, found }: LongestSequences,
  { name }: Pick<ModelConfig, "name">,
  own: StepChoices,
): number[] {
  const lengths = found.filter((one) => isOf(one, { ...one, ...stepDefaults, ...unusual(own), model: name }))
    .map(({ sequence }) => Math.max(sequence, unit));
  return [...new Set(lengths)].toSorted((a, b) => a - b);
}

/**
 * Whether a cell is wanted to prove one of the longest sequences: is of its length, one unit where none fits, and of its policy, of one to
 * stand beside it, or of the first, which reports compare with: where that does not fit, its plan says so at no cost.
 */
export const proves = (
  cell: CellConfiguration,
  { unit, found }: LongestSequences,
  { policies: [first], longest: { beside = {} } }: Pick<Search, "policies" | "longest">,
): boolean =>
  found.some((one) =>
    cell.sequence === Math.max(one.sequence, unit) && isOf(one, cell) &&
    [first.name, one.policy, ...beside[one.policy] ?? []].includes(cell.policy)
  );

interface Case {
  readonly model: ModelConfig;
  readonly batch: number;
  readonly policy: PolicyDocument;
  readonly choices: StepChoices;
  readonly memory?: number;
  readonly unit: number;
}

async function longestOf(
  { model, batch, policy, choices, memory, unit }: Case,
  adapter: BuilderOptions,
): Promise<LongestSequence> {
  const planOf = remembered((units: number) => {
    const sequence = units * unit;
    const step = { model: ofLength(model, sequence), sequence, batch, policy, seed: 0, ...choices };
    return planStep(step, adapter, memory);
  });
  const tokens = mostTokens(model);
  const most = Math.max(1, Math.floor(tokens / (batch * unit)));
  const usesOf = (units: number) => planOf(units).uses;
  const fits = (units: number) => !usesOf(units).some(exceeds);
  const units = await largestWhere(fits, { near: whereReached(usesOf, most), most }) ?? 0;
  const limit: Limit = units === most
    ? { of: "tokens", wanted: batch * (units + 1) * unit, most: tokens }
    : usesOf(units + 1).find(exceeds)!;
  const sequence = units * unit;
  const { memory: planned } = planOf(Math.max(1, units));
  return { model: model.name, batch, policy: policy.name, ...choices, sequence, memory: planned, limit };
}

/**
 * About where a step takes all that there is, so that few long ones need to be planned: memory grows nearly evenly beyond what stands anyway,
 * and the largest buffer with the length, once it holds what does.
 */
function whereReached(usesOf: (units: number) => readonly Limit[], most: number): number {
  let [low, high] = [1, Math.min(16, most)];
  for (let round = 0; round < 2 && low < high; round++) {
    const [before, after] = [low, high].map(usesOf);
    const reached = after.flatMap((use) => {
      const was = before.find(({ of }) => of === use.of);
      if (use.of !== "memory" || !was) return exceeds(use) ? [high * use.most / use.wanted] : [];
      return [high + (high - low) * (use.most - use.wanted) / (use.wanted - was.wanted)];
    });
    [low, high] = [high, Math.max(1, Math.floor(Math.min(most, ...reached)))];
  }
  return high;
}
