import type { Batch } from "../data/batches.ts";
import { oneOf } from "../suggest.ts";
import type { Family } from "./shared/family.ts";
import { gpt2 } from "./gpt2/family.ts";
import { llama } from "./llama/family.ts";
import { vit } from "./vit/family.ts";

/** Every family of models, by the type that its configurations carry. */
export const families = { gpt2, vit, llama };

export type ModelType = keyof typeof families;

/** Every type of model. */
export const modelTypes = Object.keys(families) as ModelType[];

/** A configuration of a family, and the batches that it learns from. */
export type ConfigOf<Type extends ModelType> = (typeof families)[Type] extends Family<infer Config, Batch>
  ? Config
  : never;
export type SampleOf<Type extends ModelType> = ReturnType<
  (typeof families)[Type]["golden"]["batches"]
>["batches"][number];

/** A model's sizes; `modelType` tells the families apart. */
export type ModelConfig = { [Type in ModelType]: ConfigOf<Type> }[ModelType];

/** A family whose configurations are told apart by their type: its functions take its own alone. */
export type AnyFamily = Family<ModelConfig, Batch>;

export const allFamilies: readonly AnyFamily[] = Object.values(families);

/** What a table of all families holds for the one that a model is of. Throws a UserError if there is no such family. */
export function ofFamily<Entry>(
  table: Readonly<Record<ModelType, Entry>>,
  { modelType }: { readonly modelType: string },
): Entry {
  return table[oneOf("type of model", modelType, modelTypes)];
}

/** A model's family. Throws a UserError if there is no such. */
export function familyOf(model: { readonly modelType: ModelType }): AnyFamily {
  return ofFamily<AnyFamily>(families, model);
}

/** One function of all models, from one for each family. */
export function byFamily<Rest extends unknown[], Result>(
  table: { readonly [Type in ModelType]: (model: ConfigOf<Type>, ...rest: Rest) => Result },
): (model: ModelConfig, ...rest: Rest) => Result {
  type Any = (model: ModelConfig, ...rest: Rest) => Result;
  // Each entry gets configurations of its own family alone: a model's type chooses it.
  return (model, ...rest) => ofFamily(table as Record<ModelType, Any>, model)(model, ...rest);
}
