import { UserError } from "../../src/errors.ts";
import { familyOf } from "../../src/models/families.ts";
import { type ModelConfig, usualSequence } from "../../src/models/model_config.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import { ofModel, type PerModel } from "./sweep_options.ts";

/** A model and the size of its step. */
export interface Shape {
  model: ModelConfig;
  sequence: number;
  batch: number;
}

/** Throws a UserError if tables could not tell two documents apart. */
export function refuseSameNames(
  kind: "models" | "policies",
  documents: readonly { readonly name: string }[],
): void {
  const twice = documents.find(({ name }, i) => documents.findIndex((other) => other.name === name) < i);
  if (twice) throw new UserError(`Two ${kind} are called "${twice.name}"; give each a name of its own`);
}

/**
 * Every model at every sequence length (without any: its usual one; some have no other) and batch size, or at the batch size that makes
 * `tokens` a step. Throws a UserError if two models share a name, or no whole batch has so many tokens.
 */
export function shapes(
  models: readonly ModelConfig[],
  sequences: PerModel,
  batches: PerModel,
  { tokens, accumulate = stepDefaults.accumulate }: {
    readonly tokens?: number;
    readonly accumulate?: number;
  } = {},
): Shape[] {
  refuseSameNames("models", models);
  return models.flatMap((model) => {
    const given = familyOf(model).choosesSequence ? ofModel(sequences, model) : [];
    return (given.length ? given : [usualSequence(model)]).flatMap((sequence) =>
      (tokens === undefined ? ofModel(batches, model) : [batchOf(tokens, sequence, accumulate)]).map((
        batch,
      ) => ({
        model,
        sequence,
        batch,
      }))
    );
  });
}

/** Throws a UserError if the size of a step was told in both ways. */
export function refuseBothSizes(
  { batches = [], tokens }: { readonly batches?: readonly number[]; readonly tokens?: number },
): void {
  if (batches.length === 0 || tokens === undefined) return;
  throw new UserError("--batch and --tokens both tell the size of a step; leave one out");
}

/** Sequences of each micro-batch in a step of so many tokens. */
function batchOf(tokens: number, sequence: number, microBatches: number): number {
  const least = sequence * microBatches;
  if (tokens % least === 0) return tokens / least;
  const what = microBatches > 1 ? ` in each of ${microBatches} micro-batches` : "";
  throw new UserError(
    `--tokens ${tokens} is no multiple of the ${least} tokens of a sequence${what}; give one that is`,
  );
}

/** The model with exactly as many positions: each costs 16 bytes a channel, and those beyond the sequence would be nobody's. */
export function ofLength(model: ModelConfig, sequence: number): ModelConfig {
  if (!("positions" in model) || model.positions === sequence) return model;
  return { ...model, name: nameOfLength(model.name, sequence), positions: sequence };
}

/** What a model is called that was given as many positions as a sequence has tokens. */
export const nameOfLength = (model: string, sequence: number): string => `${model}-${sequence}`;
