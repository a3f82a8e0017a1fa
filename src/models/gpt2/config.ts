import type { z } from "zod";
import { checkHeads, checkPositions, count, layerNormEpsilon, transformerSizes } from "../shared/sizes.ts";

export const gpt2Sizes = {
  ...transformerSizes,
  vocab: count.describe("words of the vocabulary"),
  positions: count.describe("tokens of the longest sequence"),
  layerNormEpsilon,
};

/** The sizes of a GPT-2. */
export interface Gpt2Config extends Readonly<z.output<z.ZodObject<typeof gpt2Sizes>>> {
  readonly modelType: "gpt2";
  readonly name: string;
}

/** What every published GPT-2 has. */
export const gpt2Defaults = { vocab: 50257, positions: 1024, layerNormEpsilon: 1e-5 };

const preset = (name: string, layers: number, width: number, heads: number, vocab: number): Gpt2Config => ({
  modelType: "gpt2",
  name,
  layers,
  width,
  heads,
  ...gpt2Defaults,
  vocab,
});

/** Named sizes: three small ones, and GPT-2's own (Radford et al. 2019). */
export const gpt2Presets = {
  nano: preset("nano", 2, 128, 4, 256),
  micro: preset("micro", 4, 256, 8, 256),
  mini: preset("mini", 6, 512, 8, 8192),
  small: preset("small", 12, 768, 12, 50257),
  medium: preset("medium", 24, 1024, 16, 50257),
  large: preset("large", 36, 1280, 20, 50257),
  xl: preset("xl", 48, 1600, 25, 50257),
} as const satisfies Record<string, Gpt2Config>;

const usualSequences: Record<string, number> = { nano: 128, micro: 256, mini: 512 };

/** The length at which a GPT-2 is usually measured: a preset's own, else as many tokens as the published ones take. */
export function gpt2UsualSequence({ name, positions }: Gpt2Config): number {
  return Math.min(usualSequences[name] ?? gpt2Defaults.positions, positions);
}

/** Throws a UserError if the sizes contradict each other. */
export function checkGpt2(config: Gpt2Config): void {
  checkHeads(config);
}

/** Throws a UserError if the sequence does not fit the positions. */
export const checkGpt2Sequence: (config: Gpt2Config, sequence: number) => void = checkPositions;
