import { z } from "zod";
import type { TokenBatch } from "../../data/batches.ts";
import { UserError } from "../../errors.ts";
import type { GoldenFormat, NamedTensors, Unnamed } from "../shared/family.ts";
import { split } from "../shared/golden_batches.ts";
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

/** The steps' token ids, checked against the model. */
function tokenBatches(tensors: NamedTensors, config: Unnamed<Gpt2Config>, path: string) {
  const tokens = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor?.dtype === "I32" && tensor.shape.length === 3) return tensor;
    throw new UserError(`${path} must hold ${name} as integers of shape [steps, batch, sequence]`);
  };
  const inputs = tokens("inputs"), targets = tokens("targets");
  const [steps, batch, sequence] = inputs.shape;
  if (inputs.shape.join() !== targets.shape.join()) {
    throw new UserError(`${path} has inputs and targets of different shapes; both must be alike`);
  }
  if (sequence > config.positions) {
    throw new UserError(
      `${path} has sequences of ${sequence} tokens; the model takes at most ${config.positions}`,
    );
  }
  const known = (id: number) => id >= 0 && id < config.vocab;
  const strange = inputs.data.find((id) => !known(id)) ??
    targets.data.find((id) => id !== -100 && !known(id));
  if (strange !== undefined) {
    throw new UserError(
      `${path} holds token id ${strange}; ids must lie below the vocabulary of ${config.vocab}`,
    );
  }
  const ids = split(inputs.data, steps), next = split(targets.data, steps);
  const batches = ids.map((inputs, step) => ({ inputs: Uint32Array.from(inputs), targets: next[step] }));
  return { batches, batch, sequence };
}

/** Reference cases of `transformers`: inputs and targets, [steps, batch, sequence]; a target of −100 counts nowhere. */
export const gpt2Golden: GoldenFormat<Gpt2Config, TokenBatch> = { config, batches: tokenBatches };
