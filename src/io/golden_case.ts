/**
 * Reference cases: folders that hold a small model, some batches, and what another implementation computed from them.
 *
 *     expected.json         configuration, optimizer and the loss of every step
 *     model.safetensors     weights before the first step
 *     grads.safetensors     gradients of the first step, under the names of the weights
 *     batch.safetensors     inputs and targets, [steps, batch, sequence]
 */

import { z } from "zod";
import { UserError } from "../errors.ts";
import { withFileErrors } from "./files.ts";
import { type NamedTensor, readSafetensors } from "./safetensors.ts";

const count = z.int().positive();

const gpt2Config = z.object({
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

const expectedSchema = z.object({
  config: z.discriminatedUnion("model_type", [gpt2Config], {
    error: (issue) => issue.code === "invalid_union" ? 'the known model type is "gpt2"' : undefined,
  }),
  optimizer: z.object({
    name: z.literal("AdamW"),
    decay: z.literal("all parameters"),
    lr: z.number().positive(),
    betas: z.tuple([z.number(), z.number()]),
    eps: z.number().positive(),
    weight_decay: z.number().nonnegative(),
  }).transform((optimizer) => ({
    learningRate: optimizer.lr,
    betas: optimizer.betas,
    epsilon: optimizer.eps,
    weightDecay: optimizer.weight_decay,
    decay: "all" as const,
  })),
  losses: z.array(z.number()).nonempty(),
});

/** The model of a case, told apart by `modelType`. */
export type GoldenConfig = z.output<typeof expectedSchema>["config"];

/** A reference case as read from its folder. */
export interface GoldenCase {
  config: GoldenConfig;
  /** AdamW; weight decay applies to all parameters and nothing is clipped. */
  optimizer: z.output<typeof expectedSchema>["optimizer"];
  /** Mean loss (nats) of each step before its update. */
  losses: number[];
  weights: Map<string, NamedTensor>;
  /** Gradients of the first step. */
  gradients: Map<string, NamedTensor>;
  /** One for each step: token ids, row-major [batch, sequence]; a target of −100 counts nowhere. */
  batches: { inputs: Uint32Array<ArrayBuffer>; targets: Int32Array<ArrayBuffer> }[];
  batch: number;
  sequence: number;
}

/**
 * Reads the reference case in `folder`.
 *
 * @throws UserError if a file is missing or malformed, or if the files contradict one another
 */
export async function readGoldenCase(folder: string): Promise<GoldenCase> {
  const [expected, model, grads, batch] = [
    "expected.json",
    "model.safetensors",
    "grads.safetensors",
    "batch.safetensors",
  ].map((name) => `${folder}/${name}`);
  const { config, optimizer, losses } = await readExpected(expected);
  const weights = await readSafetensors(model);
  const gradients = await readSafetensors(grads);
  requireSameShapes(weights, model, gradients, grads);
  const tensors = await readSafetensors(batch);
  const inputs = tokenTensor(tensors, "inputs", batch);
  const targets = tokenTensor(tensors, "targets", batch);
  const [steps, rows, sequence] = inputs.shape;

  if (inputs.shape.join() !== targets.shape.join()) {
    throw new UserError(`${batch} has inputs and targets of different shapes; both must be alike`);
  }
  if (steps !== losses.length) {
    throw new UserError(
      `${batch} holds ${steps} steps but ${expected} ${losses.length} losses; make them as many`,
    );
  }
  if (sequence > config.positions) {
    throw new UserError(
      `${batch} has sequences of ${sequence} tokens; the model takes at most ${config.positions}`,
    );
  }
  const known = (id: number) => id >= 0 && id < config.vocab;
  const strange = inputs.data.find((id) => !known(id)) ??
    targets.data.find((id) => id !== -100 && !known(id));
  if (strange !== undefined) {
    throw new UserError(
      `${batch} holds token id ${strange}; ids must lie below the vocabulary of ${config.vocab}`,
    );
  }

  const size = rows * sequence;
  const batches = losses.map((_, step) => ({
    inputs: Uint32Array.from(inputs.data.subarray(step * size, (step + 1) * size)),
    targets: targets.data.slice(step * size, (step + 1) * size),
  }));
  return { config, optimizer, losses, weights, gradients, batches, batch: rows, sequence };
}

async function readExpected(path: string) {
  const text = await withFileErrors("read", path, () => Deno.readTextFile(path));
  const { data, error } = expectedSchema.safeParse(parseJson(text, path));
  if (data) return data;
  const [issue] = error.issues;
  const place = issue.path.length > 0 ? ` at ${issue.path.join(".")}` : "";
  throw new UserError(`${path} does not describe a reference case${place}: ${issue.message}`);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as SyntaxError).message}`);
  }
}

function requireSameShapes(
  weights: Map<string, NamedTensor>,
  model: string,
  gradients: Map<string, NamedTensor>,
  grads: string,
) {
  for (const name of new Set([...weights.keys(), ...gradients.keys()])) {
    const weight = weights.get(name), gradient = gradients.get(name);
    if (!weight) throw new UserError(`${model} lacks ${name}, of which ${grads} holds the gradient`);
    if (!gradient) throw new UserError(`${grads} lacks the gradient of ${name}`);
    if (weight.shape.join() !== gradient.shape.join()) {
      throw new UserError(
        `${grads} holds ${name} as [${gradient.shape}], but the weight is [${weight.shape}]`,
      );
    }
  }
}

function tokenTensor(tensors: Map<string, NamedTensor>, name: string, path: string) {
  const tensor = tensors.get(name);
  if (!(tensor?.data instanceof Int32Array) || tensor.shape.length !== 3) {
    throw new UserError(`${path} must hold ${name} as integers of shape [steps, batch, sequence]`);
  }
  return { shape: tensor.shape, data: tensor.data };
}
