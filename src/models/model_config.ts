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

/** How many numbers a model trains. */
export function parameterCount(config: ModelConfig): number {
  return familyOf(config).parameters(config, "all").reduce((sum, { rows, cols }) => sum + rows * cols, 0);
}

/** Kernels count the vectors of four of a tensor in 32 bits, and the widest, inside an MLP, has four channels for each of the model's. */
const mostVectors = 2 ** 32;

/** Tokens of the largest step that kernels can count in a model. */
export function mostTokens(config: ModelConfig): number {
  const width = "hidden" in config ? Math.max(config.width, config.hidden / 2) : config.width; // gates, too
  return Math.floor(mostVectors / width);
}

/** 512 GiB in f32: more than any card holds, and few enough to be planned in windows. */
const mostParameters = 2 ** 37;

/**
 * Throws a UserError if the sizes contradict each other, the model cannot take sequences of that many tokens, or it or a step of so many
 * of them (`batch`) is beyond what kernels can count. It takes no longer for large sizes than for small ones.
 */
export function checkModel(config: ModelConfig, sequence: number, batch = 1): void {
  const family = familyOf(config);
  family.check(config);
  family.checkSequence(config, sequence);
  const most = mostTokens(config);
  if (batch * sequence > most) {
    const remedy = sequence <= most
      ? `take a --batch of at most ${Math.floor(most / sequence)}`
      : most > 0
      ? "take a smaller --sequence"
      : "give smaller sizes";
    throw new UserError(
      `A step of ${batch} × ${sequence} tokens exceeds the ${most} that kernels can count in model "${config.name}"; ${remedy}`,
    );
  }
  const parameters = parameterCount(config);
  if (parameters > mostParameters) {
    throw new UserError(
      `Model "${config.name}" has ${parameters} parameters, more than the ${mostParameters} that can be planned; give smaller sizes`,
    );
  }
}

/** What a model learns from. */
export function inputOf(config: ModelConfig): Input {
  return familyOf(config).input(config);
}

/** The sequence length at which a model is usually measured, in tokens; a ViT has no other. */
export function usualSequence(config: ModelConfig): number {
  return familyOf(config).usualSequence(config);
}
