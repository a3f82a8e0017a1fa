import { UserError } from "../../src/errors.ts";
import { familyOf } from "../../src/models/families.ts";
import { checkModel, type ModelConfig } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import { type Dimension, leastSize, type OpenStep } from "./fit.ts";
import { refuseSameNames, shapes } from "./shapes.ts";

/** What a user says of steps whose largest size is looked for. */
export interface OpenStepOptions {
  readonly models: readonly ModelConfig[];
  readonly sequences: readonly number[];
  readonly batches: readonly number[];
  readonly policies: readonly PolicyDocument[];
  readonly largest?: Dimension;
  readonly keepPositions: boolean;
  readonly choices: StepChoices;
}

/** Sequences of a batch that is neither given nor looked for. */
const usualBatch = 1;

/**
 * Every model under every policy, with one size left open: the one that is named; else the sequence where batches are given and no sequence, and
 * the batch otherwise. What is given is taken, each with each; of what is not, the batch is 1 and the sequence the model's usual one. Throws a
 * UserError where that leaves nothing open, and for a value of what is looked for.
 */
export function openSteps(options: OpenStepOptions): OpenStep[] {
  const { models, policies, sequences, choices, keepPositions } = options;
  refuseSameNames("policies", policies);
  const batches = options.batches.length > 0 ? options.batches : [usualBatch];
  const named = options.largest ??
    (options.batches.length > 0 && sequences.length === 0 ? "sequence" : "batch");
  if (keepPositions && named !== "sequence") {
    throw new UserError("--keep-positions does nothing where no sequence is looked for; leave it out");
  }
  if (named === "batch" && options.batches.length > 0) {
    throw new UserError(
      options.largest
        ? "--largest batch looks for what --batch says; leave one of them out"
        : "--batch and --sequence leave neither open; leave one of them out, or give --largest depth or width",
    );
  }
  if (named === "sequence" && sequences.length > 0) {
    throw new UserError("--largest sequence looks for what --sequence says; leave one of them out");
  }
  const fixed = named === "sequence" ? models.find((model) => !familyOf(model).choosesSequence) : undefined;
  if (fixed) {
    const remedy = options.batches.length > 0
      ? "leave out --batch to look for the largest, or give --largest depth or width"
      : "give --largest batch, depth or width";
    throw new UserError(`Model "${fixed.name}" has sequences of one length; ${remedy}`);
  }
  // Of what is looked for nothing is said yet but that there is some.
  const least = named === "sequence" ? { sequence: leastSize({ largest: named, choices }) } : {};
  return shapes(models, sequences, batches).flatMap((shape) => {
    const { model, sequence, batch } = { ...shape, ...least };
    checkModel(model, sequence, batch);
    return policies.map((policy) => ({ ...shape, policy, choices, keepPositions, largest: named }));
  });
}
