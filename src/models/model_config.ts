import { UserError } from "../errors.ts";
import { oneOf } from "../suggest.ts";
import { checkGpt2, type Gpt2Config, gpt2Presets } from "./gpt2/config.ts";
import { checkVit, type VitConfig, vitPresets, vitTokens } from "./vit/config.ts";

/** A model's sizes; `modelType` tells the families apart. */
export type ModelConfig = Gpt2Config | VitConfig;

const presets: Record<string, ModelConfig> = { ...gpt2Presets, ...vitPresets };
const aliases: Record<string, ModelConfig> = { ...presets, gpt2: gpt2Presets.small };

/** Every preset's name, the small ones of each family first. */
export const modelNames = Object.keys(presets);

/** The preset of that name (`gpt2` is `small`). Throws a UserError with the nearest name if there is none. */
export function modelConfig(name: string): ModelConfig {
  return aliases[oneOf("model", name, Object.keys(aliases))];
}

/** Throws a UserError if the sizes contradict each other, or the model cannot take sequences of that many tokens. */
export function checkModel(config: ModelConfig, sequence: number): void {
  if (config.modelType === "gpt2") return checkGpt2(config, sequence);
  checkVit(config);
  if (sequence !== vitTokens(config)) {
    throw new UserError(
      `Model "${config.name}" makes ${
        vitTokens(config)
      } tokens of an image, not ${sequence}; leave out --sequence`,
    );
  }
}

const usualSequences: Record<string, number> = { nano: 128, micro: 256, mini: 512 };

/** The sequence length at which a model is usually measured, in tokens; a ViT has no other. */
export function usualSequence(config: ModelConfig): number {
  if (config.modelType === "vit") return vitTokens(config);
  return Math.min(usualSequences[config.name] ?? 1024, config.positions);
}
