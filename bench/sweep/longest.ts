/** How long a sequence may be, by plan alone. */

import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { familyOf } from "../../src/models/families.ts";
import { type ModelConfig, mostTokens } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { type StepChoices, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import type { CellConfiguration } from "../results/results.ts";
import { isOf, type Limit, type LongestSequence, type LongestSequences } from "../results/run_header.ts";
import { FitSearch, inUnits, type OpenStep, stepOf } from "./fit.ts";
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
  const open: OpenStep = {
    model: ofLength(model, unit), // longer ones get exactly as many positions
    ...{ sequence: unit, batch, policy, choices, unit },
    ...{ largest: "sequence", keepPositions: false },
  };
  const { answer, next } = await new FitSearch(open, adapter).largestIn(memory ?? Infinity);
  const planOf = (size: number) => planStep(stepOf(open, size), adapter, memory);
  const limit: Limit = next.refusal.limit === "program"
    ? { of: "tokens", wanted: batch * inUnits(open, next.size), most: mostTokens(model) }
    : planOf(next.size).uses.find(exceeds)!;
  const { memory: planned } = planOf(answer?.size ?? next.size);
  const sequence = answer ? inUnits(open, answer.size) : 0;
  return { model: model.name, batch, policy: policy.name, ...choices, sequence, memory: planned, limit };
}
