import { z } from "zod";
import type { TokenBatch } from "../../data/batches.ts";
import type { GoldenFormat } from "../shared/family.ts";
import { tokenBatches } from "../shared/golden_batches.ts";
import type { Gpt2Config } from "./config.ts";

const count = z.int().positive();

const config = z.object({
  model_type: z.literal("gpt2"),
  n_layer: count,
  n_embd: count,
  n_head: count,
  vocab_size: count,
  n_positions: count,
  activation_function: z.literal("gelu_new"),
  layer_norm_epsilon: z.number().positive(),
  tie_word_embeddings: z.literal(true),
}).refine((config) => config.n_embd % config.n_head === 0, {
  path: ["n_head"],
  error: "n_head must divide n_embd",
}).transform((config) => ({
  modelType: config.model_type,
  layers: config.n_layer,
  width: config.n_embd,
  heads: config.n_head,
  vocab: config.vocab_size,
  positions: config.n_positions,
  layerNormEpsilon: config.layer_norm_epsilon,
}));

/** Reference cases of `transformers`: inputs and targets, [steps, batch, sequence]; a target of −100 counts nowhere. */
export const gpt2Golden: GoldenFormat<Gpt2Config, TokenBatch> = { config, batches: tokenBatches };
