import { z } from "zod";
import type { TokenBatch } from "../../data/batches.ts";
import type { GoldenFormat } from "../shared/family.ts";
import { tokenBatches } from "../shared/golden_batches.ts";
import type { LlamaConfig } from "./config.ts";
import { rotaryScalingFrom } from "./transformers_config.ts";

const count = z.int().positive();

const config = z.object({
  model_type: z.literal("llama"),
  num_hidden_layers: count,
  hidden_size: count,
  num_attention_heads: count,
  num_key_value_heads: count,
  head_dim: count,
  intermediate_size: count,
  vocab_size: count,
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive(),
  rope_scaling: z.unknown(),
  hidden_act: z.literal("silu"),
  tie_word_embeddings: z.boolean(),
}).refine((config) => config.num_attention_heads % config.num_key_value_heads === 0, {
  path: ["num_key_value_heads"],
  error: "num_key_value_heads must divide num_attention_heads",
}).transform((config, context) => {
  const scaling = rotaryScalingFrom(config.rope_scaling);
  if (scaling === undefined) {
    context.addIssue({ code: "custom", path: ["rope_scaling"], message: "must be null or of type llama3" });
    return z.NEVER;
  }
  return {
    modelType: config.model_type,
    layers: config.num_hidden_layers,
    width: config.hidden_size,
    heads: config.num_attention_heads,
    keyHeads: config.num_key_value_heads,
    headSize: config.head_dim,
    hidden: config.intermediate_size,
    vocab: config.vocab_size,
    positions: config.max_position_embeddings,
    tiedHead: config.tie_word_embeddings,
    rotaryBase: config.rope_theta,
    rotaryScaling: scaling,
    normEpsilon: config.rms_norm_eps,
  };
});

/** Reference cases of `transformers`. */
export const llamaGolden: GoldenFormat<LlamaConfig, TokenBatch> = { config, batches: tokenBatches };
