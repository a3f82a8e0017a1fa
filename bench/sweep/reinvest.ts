/** What the memory that `exact` takes affords under other policies, by plan alone. */

import { UserError } from "../../src/errors.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { unusual } from "../../src/train/step_choices.ts";
import type { Investment, Reinvestment } from "../results/run_header.ts";
import { FitSearch, inUnits, stepOf } from "./fit.ts";
import { grownRate } from "./learning_rate.ts";
import { recipe } from "./recipe.ts";
import { type Shape, shapes } from "./shapes.ts";
import type { SweepOptions } from "./sweep_options.ts";

/** What saved memory can be re-invested in. */
export const investments = ["batch", "depth", "width"] as const;

/** A step of a comparison at one budget: a policy at the size of `exact`, or at a size that it affords in `exact`'s memory. */
export interface Arm extends Shape {
  readonly policy: PolicyDocument;
  /** The highest learning rate. */
  readonly learningRate: number;
  /** What has grown; undefined: nothing. */
  readonly into?: Investment;
}

/** A model at a batch size: the arms that are compared there, `exact`'s the first, and what is known of them by plan. */
export interface Reinvesting {
  readonly shape: Shape;
  readonly arms: readonly Arm[];
  readonly found: Reinvestment;
}

/** Throws a UserError for what cannot be compared at one budget. */
export function refuseUnreinvestable(
  { policies, memory, precision, gradientEvery, variants }: SweepOptions & { readonly variants?: string },
): void {
  const refuse = (why: string) => {
    throw new UserError(why);
  };
  if (!policies.some(isExact) || policies.length < 2) {
    refuse("Memory is re-invested that another policy saves of `exact`'s; give --policy exact and others");
  }
  if (memory !== undefined) {
    refuse("--memory does nothing with reinvest, whose budget is exact's; leave it out");
  }
  if (precision !== undefined) {
    refuse("--precision does nothing with reinvest, whose speeds are of different steps; give --rounds");
  }
  if (variants !== undefined) {
    refuse(
      "--variants sets kernels otherwise than the tables do, by which reinvest finds sizes; leave it out",
    );
  }
  if (gradientEvery > 0) {
    refuse("--gradient-every does nothing with reinvest, whose models differ; leave it out");
  }
}

const isExact = ({ name }: PolicyDocument) => name === "exact";

/**
 * Each model at each batch size, with the largest batch, and the deepest and widest models of the same family, that every policy affords in
 * the bytes of buffers that `exact` takes there, by the kernels' tables. What affords no more than `exact`'s own size is no further arm.
 *
 * @throws {UserError} if a step of `exact` cannot be planned on such an adapter
 */
export async function budgets(options: SweepOptions, adapter: BuilderOptions): Promise<Reinvesting[]> {
  const { policies, qualitySteps } = options;
  const choices = unusual(options);
  const [exact, others] = [policies.find(isExact)!, policies.filter((policy) => !isExact(policy))];
  const all: Reinvesting[] = [];
  for (const shape of shapes(options.models, options.sequences, options.batches, options)) {
    const { model, sequence, batch } = shape;
    const { learningRate } = recipe(model, qualitySteps, options);
    const open = { ...shape, choices, keepPositions: true };
    const plan = new FitSearch({ ...open, policy: exact, largest: "batch" }, adapter).planOf(batch);
    if (!plan) {
      throw new UserError(`\`exact\` of ${model.name} at ${batch} × ${sequence} is more than can be planned`);
    }
    const budget = plan.bufferBytes;
    const arms: Arm[] = [exact, ...others].map((policy) => ({ ...shape, policy, learningRate }));
    const found: Reinvestment["found"] = [];
    for (const policy of others) {
      for (const into of investments) {
        const search = new FitSearch({ ...open, policy, largest: into }, adapter);
        const { answer, next } = await search.largestIn(budget);
        found.push({
          policy: policy.name,
          into,
          size: answer ? inUnits(search.open, answer.size) : 0,
          bufferBytes: answer?.plan.bufferBytes ?? null,
          next: { size: inUnits(search.open, next.size), wantedBytes: next.refusal.wantedBytes },
        });
        const step = answer && stepOf(search.open, answer.size);
        if (!step || growthOf(step, shape) <= 1) continue;
        const growth = { batch: step.batch / batch, width: step.model.width / model.width };
        arms.push({
          ...{ model: step.model, sequence, batch: step.batch, policy, into },
          learningRate: grownRate(learningRate, growth),
        });
      }
    }
    all.push({
      shape,
      arms,
      found: { model: model.name, sequence, batch, ...choices, budgetBytes: budget, found },
    });
  }
  return all;
}

/** How much larger a step is than another that differs in one size. */
const growthOf = (step: Omit<Shape, "sequence">, { model, batch }: Omit<Shape, "sequence">): number =>
  (step.batch / batch) * (step.model.layers / model.layers) * (step.model.width / model.width);
