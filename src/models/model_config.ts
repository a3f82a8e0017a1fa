import { UserError } from "../errors.ts";
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

/** Kernels count the vectors of four of a tensor in 32 bits, and the widest, inside an MLP, has four channels for each of the model's. */
const mostVectors = 2 ** 32;

/**
 * Throws a UserError if the sizes contradict each other, the model cannot take sequences of that many tokens, or a step of so many of them
 * (`batch`) is beyond what kernels can count.
 */
export function checkModel(config: ModelConfig, sequence: number, batch = 1): void {
  const family = familyOf(config);
  family.check(config);
  family.checkSequence(config, sequence);
  if (batch * sequence * config.width <= mostVectors) return;
  const most = Math.floor(mostVectors / config.width);
  const remedy = sequence <= most
    ? `take a --batch of at most ${Math.floor(most / sequence)}`
    : "take a smaller --sequence";
  throw new UserError(
    `A step of ${batch} × ${sequence} tokens exceeds the ${most} that kernels can count in model "${config.name}"; ${remedy}`,
  );
}

/** What a model learns from. */
export function inputOf(config: ModelConfig): Input {
  return familyOf(config).input(config);
}

/** The sequence length at which a model is usually measured, in tokens; a ViT has no other. */
export function usualSequence(config: ModelConfig): number {
  return familyOf(config).usualSequence(config);
}
