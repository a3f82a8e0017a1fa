import { z } from "zod";
import { rotaryFrequencies, type RotaryScaling } from "../../../kernels/embedding/rotary_frequencies.ts";
import { UserError } from "../../errors.ts";
import { must } from "../../json_document.ts";
import { checkPositions, count, normEpsilon, transformerSizes } from "../shared/sizes.ts";

const positive = must("a positive number");
const number = z.number(positive).positive(positive);

/** Llama 3's stretched rotary positions. */
const rotaryScaling = z.strictObject({
  factor: number.describe("by what slow frequencies are divided"),
  slow: number.describe("frequencies that turn fewer times in `positions` tokens are slow"),
  fast: number.describe("those that turn more often stay as they are"),
  positions: count.describe("tokens of the sequences that the model was first trained on"),
}, must("null, or factor, slow, fast and positions"));

export const llamaSizes = {
  ...transformerSizes,
  heads: count.describe("attention heads"),
  keyHeads: count.describe("heads of keys and values, which divide the attention heads"),
  headSize: count.describe("channels of a head, an even number"),
  hidden: count.describe("channels inside the MLP, and as many gates"),
  vocab: count.describe("words of the vocabulary"),
  positions: count.describe("tokens of the longest sequence"),
  tiedHead: z.boolean(must("true or false")).describe("whether the head is the word embedding"),
  rotaryBase: number.describe("θ: the slowest rotary frequency is about its reciprocal"),
  rotaryScaling: rotaryScaling.nullable().describe("how rotary positions are stretched; null: not at all"),
  normEpsilon: normEpsilon.describe("what RMSNorms add to the mean square"),
};

/** The sizes of a Llama. */
export interface LlamaConfig extends Readonly<z.output<z.ZodObject<typeof llamaSizes>>> {
  readonly modelType: "llama";
  readonly name: string;
}

/** What Llama 3's 8 billion have. */
export const llamaDefaults = {
  vocab: 128256,
  positions: 8192,
  tiedHead: false,
  rotaryBase: 500000,
  rotaryScaling: null,
  normEpsilon: 1e-5,
};

type Preset = Pick<LlamaConfig, "layers" | "width" | "heads" | "keyHeads" | "headSize" | "hidden">;

const preset = (name: string, sizes: Preset, others: Partial<LlamaConfig> = {}): LlamaConfig => ({
  modelType: "llama",
  name,
  ...sizes,
  ...llamaDefaults,
  ...others,
});

/** What the small ones share: bytes for words, and sequences as GPT-2's. */
const little = { vocab: 256, positions: 1024, rotaryBase: 10000 };

/** What Llama 3.2's small ones share (Meta, 2024). */
const stretched: Partial<LlamaConfig> = {
  positions: 131072,
  tiedHead: true,
  rotaryScaling: { factor: 32, slow: 1, fast: 4, positions: 8192 },
};

/** Named sizes: two small ones, and those of Llama 3.2, Llama 2 (Touvron et al. 2023) and Llama 3 (arXiv 2407.21783). */
export const llamaPresets = {
  "llama-nano": preset("llama-nano", {
    ...{ layers: 2, width: 128, heads: 4, keyHeads: 2, headSize: 32, hidden: 352 },
  }, little),
  "llama-micro": preset("llama-micro", {
    ...{ layers: 4, width: 256, heads: 8, keyHeads: 2, headSize: 32, hidden: 704 },
  }, little),
  "llama-1b": preset("llama-1b", {
    ...{ layers: 16, width: 2048, heads: 32, keyHeads: 8, headSize: 64, hidden: 8192 },
  }, stretched),
  "llama-3b": preset("llama-3b", {
    ...{ layers: 28, width: 3072, heads: 24, keyHeads: 8, headSize: 128, hidden: 8192 },
  }, stretched),
  "llama2-7b": preset("llama2-7b", {
    ...{ layers: 32, width: 4096, heads: 32, keyHeads: 32, headSize: 128, hidden: 11008 },
  }, { vocab: 32000, positions: 4096, rotaryBase: 10000 }),
  "llama3-8b": preset("llama3-8b", {
    ...{ layers: 32, width: 4096, heads: 32, keyHeads: 8, headSize: 128, hidden: 14336 },
  }),
} as const satisfies Record<string, LlamaConfig>;

const usualSequences: Record<string, number> = { "llama-nano": 128, "llama-micro": 256 };

/** The length at which a Llama is usually measured: a preset's own, else as GPT-2's. */
export function llamaUsualSequence({ name, positions }: LlamaConfig): number {
  return Math.min(usualSequences[name] ?? 1024, positions);
}

/** What its rotary frequencies follow from. */
export function rotaryOf(
  { headSize, rotaryBase, rotaryScaling }: Pick<LlamaConfig, "headSize" | "rotaryBase" | "rotaryScaling">,
): { headSize: number; base: number; scaling: RotaryScaling | null } {
  return { headSize, base: rotaryBase, scaling: rotaryScaling };
}

/** Throws a UserError if the sizes contradict each other. */
export function checkLlama(config: LlamaConfig): void {
  const { name, heads, keyHeads, headSize, rotaryScaling: scaling } = config;
  if (heads % keyHeads !== 0) {
    throw new UserError(
      `Model "${name}": ${keyHeads} heads of keys do not divide ${heads} heads; give a number that does`,
    );
  }
  if (headSize % 2 !== 0 || headSize > 128) {
    throw new UserError(
      `Model "${name}": heads of ${headSize} channels cannot be rotated in pairs or are wider than 128; give an even number up to it`,
    );
  }
  if (scaling && scaling.slow >= scaling.fast) {
    throw new UserError(
      `Model "${name}": rotaryScaling.slow is ${scaling.slow}, not below fast, ${scaling.fast}; give a smaller one`,
    );
  }
  if (!rotaryFrequencies(rotaryOf(config)).every(Number.isFinite)) {
    throw new UserError(
      `Model "${name}": its rotary frequencies are beyond all numbers; give a larger rotaryBase or rotaryScaling.factor`,
    );
  }
}

/** Throws a UserError if the sequence does not fit the positions. */
export const checkLlamaSequence: (config: LlamaConfig, sequence: number) => void = checkPositions;
