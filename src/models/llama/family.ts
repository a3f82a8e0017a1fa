import type { TokenBatch } from "../../data/batches.ts";
import type { Family } from "../shared/family.ts";
import { llamaCheckpoint } from "./checkpoint.ts";
import {
  checkLlama,
  checkLlamaSequence,
  type LlamaConfig,
  llamaDefaults,
  llamaPresets,
  llamaSizes,
  llamaUsualSequence,
} from "./config.ts";
import { llamaGolden } from "./golden.ts";
import { llamaParameters } from "./parameters.ts";

/** Llama (Touvron et al. 2023; arXiv 2407.21783), as `transformers` builds it. */
export const llama: Family<LlamaConfig, TokenBatch> = {
  modelType: "llama",
  title: "a Llama",
  sizes: llamaSizes,
  defaults: llamaDefaults,
  presets: llamaPresets,
  aliases: {},
  choosesSequence: true,
  check: checkLlama,
  checkSequence: checkLlamaSequence,
  usualSequence: llamaUsualSequence,
  input: ({ vocab }) => ({ kind: "text", vocab }),
  parameters: llamaParameters,
  checkpoint: llamaCheckpoint,
  golden: llamaGolden,
};
