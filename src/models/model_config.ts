import { oneOf } from "../suggest.ts";
import { allFamilies, familyOf, type ModelConfig } from "./families.ts";
import type { Input } from "./shared/family.ts";

export type { ModelConfig } from "./families.ts";

/** Every preset by its name, the small ones of each family first. */
export const modelPresets: Readonly<Record<string, ModelConfig>> = Object.assign(
  {},
  ...allFamilies.map(({ presets }) => presets),
);

/** Every name that stands for a preset: a second name of some, too. */
export const modelsByName: Readonly<Record<string, ModelConfig>> = Object.assign(
  { ...modelPresets },
  ...allFamilies.map(({ aliases }) => aliases),
);

/** Every preset's name. */
export const modelNames = Object.keys(modelPresets);

/** The preset of that name (`gpt2` is `small`). Throws a UserError with the nearest name if there is none. */
export function modelConfig(name: string): ModelConfig {
  return modelsByName[oneOf("model", name, Object.keys(modelsByName))];
}

/** Throws a UserError if the sizes contradict each other, or the model cannot take sequences of that many tokens. */
export function checkModel(config: ModelConfig, sequence: number): void {
  const family = familyOf(config);
  family.check(config);
  family.checkSequence(config, sequence);
}

/** What a model learns from. */
export function inputOf(config: ModelConfig): Input {
  return familyOf(config).input(config);
}

/** The sequence length at which a model is usually measured, in tokens; a ViT has no other. */
export function usualSequence(config: ModelConfig): number {
  return familyOf(config).usualSequence(config);
}
