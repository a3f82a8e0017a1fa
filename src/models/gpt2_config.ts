import { UserError } from "../errors.ts";
import { oneOf } from "../suggest.ts";

/** The sizes of a GPT-2. */
export interface Gpt2Config {
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
  name,
  layers,
  width,
  heads,
  vocab,
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

/** The preset of that name (`gpt2` is `small`). Throws a UserError with the nearest name if there is none. */
export function gpt2Config(name: string): Gpt2Config {
  const aliases: Record<string, Gpt2Config> = { ...gpt2Presets, gpt2: gpt2Presets.small };
  return aliases[oneOf("model", name, Object.keys(aliases))];
}

/** Throws a UserError if the sizes contradict each other, or the sequence does not fit the positions. */
export function checkGpt2(config: Gpt2Config, sequence: number): void {
  const { name, width, heads, positions } = config;
  if (width % heads !== 0) {
    throw new UserError(
      `Model "${name}": ${heads} heads do not divide ${width} channels; give a number of heads that does`,
    );
  }
  if (width / heads > 128) {
    throw new UserError(
      `Model "${name}": heads of ${width / heads} channels are wider than the 128 supported; give more heads`,
    );
  }
  if (sequence > positions) {
    throw new UserError(
      `Sequence length ${sequence} exceeds the ${positions} positions of model "${name}"; use --sequence ${positions} or less`,
    );
  }
}
