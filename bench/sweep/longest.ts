/** How long a sequence may be, by plan alone. */

import { remembered } from "../../kernels/shared/remembered.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { familyOf } from "../../src/models/families.ts";
import { type ModelConfig, mostTokens } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { type StepChoices, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import { isOf, type Limit, type LongestSequence, type LongestSequences } from "../results/run_header.ts";
import { largestWhere } from "./largest.ts";
import { exceeds, planStep } from "./planned_step.ts";
import { ofLength } from "./sweep.ts";
import type { SweepOptions } from "./sweep_options.ts";

/** What is looked for: each model at each batch size, under each policy with each of some choices. */
type Search =
  & Pick<SweepOptions, "models" | "batches" | "policies" | "memory">
  & Required<Pick<SweepOptions, "longest">>
  & StepChoices;

/**
 * The longest sequences that fit by plan on such an adapter, with the kernels' tables: of each model whose sequences have any length, at each
 * batch size, under each policy, with the search's own choices of a step and the others that it names. All compute in the search's arithmetic.
 */
export function longestSequences(search: Search, adapter: BuilderOptions): LongestSequences {
  const { models, batches, policies, memory, longest: { unit } } = search;
  const found = models.filter((model) => familyOf(model).choosesSequence).flatMap((model) =>
    batches.flatMap((batch) =>
      choicesOf(search).flatMap((choices) =>
        policies.map((policy) => longestOf({ model, batch, policy, choices, memory, unit }, adapter))
      )
    )
  );
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

interface Case {
  readonly model: ModelConfig;
  readonly batch: number;
  readonly policy: PolicyDocument;
  readonly choices: StepChoices;
  readonly memory?: number;
  readonly unit: number;
}

function longestOf(
  { model, batch, policy, choices, memory, unit }: Case,
  adapter: BuilderOptions,
): LongestSequence {
  const planOf = remembered((units: number) => {
    const sequence = units * unit;
    const step = { model: ofLength(model, sequence), sequence, batch, policy, seed: 0, ...choices };
    return planStep(step, adapter, memory);
  });
  const tokens = mostTokens(model);
  const most = Math.max(1, Math.floor(tokens / (batch * unit)));
  const load = (units: number) => loadOf(planOf(units).uses);
  const units = largestWhere((units) => load(units) <= 1, { near: whereReached(load, most), most }) ?? 0;
  const limit: Limit = units === most
    ? { of: "tokens", wanted: batch * (units + 1) * unit, most: tokens }
    : planOf(units + 1).uses.find(exceeds)!;
  const sequence = units * unit;
  const { memory: planned } = planOf(Math.max(1, units));
  return { model: model.name, batch, policy: policy.name, ...choices, sequence, memory: planned, limit };
}

/** Of what is limited, how much of the scarcest a step takes; above 1 it does not fit. */
const loadOf = (uses: readonly Limit[]) => Math.max(...uses.map(({ wanted, most }) => wanted / most));

/** About where a load that grows nearly evenly reaches 1, so that few long steps need to be planned. */
function whereReached(load: (units: number) => number, most: number): number {
  let [low, high] = [1, Math.min(16, most)];
  for (let round = 0; round < 2; round++) {
    const growth = (load(high) - load(low)) / (high - low);
    const reached = Math.floor(high + (1 - load(high)) / growth);
    if (!(reached >= 1)) return 1; // not even one fits, or nothing grows
    [low, high] = [high, Math.min(reached, most)];
    if (low === high) break;
  }
  return high;
}
