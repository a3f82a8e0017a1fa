import { UserError } from "../../errors.ts";
import { checkHeads } from "../heads.ts";

/** The sizes of a GPT-2. */
export interface Gpt2Config {
  readonly modelType: "gpt2";
  readonly name: string;
  readonly layers: number;
  /** Channels, C. `heads` divides it. */
  readonly width: number;
  readonly heads: number;
  readonly vocab: number;
  /** The longest sequence. */
  readonly positions: number;
  readonly layerNormEpsilon: number;
}

const preset = (name: string, layers: number, width: number, heads: number, vocab: number): Gpt2Config => ({
  modelType: "gpt2",
  ...{ name, layers, width, heads, vocab },
  positions: 1024,
  layerNormEpsilon: 1e-5,
});

/** Named sizes: four small ones, and GPT-2's own (Radford et al. 2019). */
export const gpt2Presets = {
  nano: preset("nano", 2, 128, 4, 256),
  micro: preset("micro", 4, 256, 8, 256),
  mini: preset("mini", 6, 512, 8, 8192),
  small: preset("small", 12, 768, 12, 50257),
  medium: preset("medium", 24, 1024, 16, 50257),
  large: preset("large", 36, 1280, 20, 50257),
  xl: preset("xl", 48, 1600, 25, 50257),
} as const satisfies Record<string, Gpt2Config>;

/** Throws a UserError if the sizes contradict each other, or the sequence does not fit the positions. */
export function checkGpt2(config: Gpt2Config, sequence: number): void {
  const { name, positions } = config;
  checkHeads(config);
  if (sequence > positions) {
    throw new UserError(
      `Sequence length ${sequence} exceeds the ${positions} positions of model "${name}"; use --sequence ${positions} or less`,
    );
  }
}
