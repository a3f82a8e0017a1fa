/**
 * Reference cases: folders that hold a small model, some batches, and what another implementation computed from them.
 *
 *     expected.json         configuration, optimizer and the loss of every step
 *     model.safetensors     weights before the first step
 *     grads.safetensors     gradients of the first step, under the names of the weights
 *     batch.safetensors     GPT-2: inputs and targets, [steps, batch, sequence]
 *                           ViT: images, [steps, batch, 3, size, size], and labels, [steps, batch]
 */

import { z } from "zod";
import { UserError } from "../errors.ts";
import { withFileErrors } from "../io/files.ts";
import { type NamedTensor, readSafetensors } from "../io/safetensors.ts";

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

const vitConfig = z.object({
  model_type: z.literal("vit"),
  img_size: count,
  patch_size: count,
  embed_dim: count,
  depth: count,
  num_heads: count,
  num_classes: count,
  mlp_ratio: z.literal(4),
  qkv_bias: z.literal(true),
  class_token: z.literal(true),
  layer_norm_eps: z.number().positive(),
  activation: z.literal("gelu (erf)"),
}).refine((config) => config.img_size % config.patch_size === 0, {
  path: ["patch_size"],
  error: "patch_size must divide img_size",
}).refine((config) => config.embed_dim % config.num_heads === 0, {
  path: ["num_heads"],
  error: "num_heads must divide embed_dim",
}).transform((config) => ({
  modelType: config.model_type,
  image: config.img_size,
  patch: config.patch_size,
  layers: config.depth,
  width: config.embed_dim,
  heads: config.num_heads,
  classes: config.num_classes,
  layerNormEpsilon: config.layer_norm_eps,
}));

const expectedSchema = z.object({
  config: z.discriminatedUnion("model_type", [gpt2Config, vitConfig], {
    error: (issue) =>
      issue.code === "invalid_union" ? 'the known model types are "gpt2" and "vit"' : undefined,
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

/** What every reference case holds. */
interface GoldenBase {
  /** AdamW; weight decay applies to all parameters and nothing is clipped. */
  optimizer: z.output<typeof expectedSchema>["optimizer"];
  /** Mean loss (nats) of each step before its update. */
  losses: number[];
  weights: Map<string, NamedTensor>;
  /** Gradients of the first step. */
  gradients: Map<string, NamedTensor>;
  batch: number;
}

/** A reference case of a GPT-2. */
export interface Gpt2GoldenCase extends GoldenBase {
  modelType: "gpt2";
  config: z.output<typeof gpt2Config>;
  /** One for each step: token ids, row-major [batch, sequence]; a target of −100 counts nowhere. */
  batches: { inputs: Uint32Array<ArrayBuffer>; targets: Int32Array<ArrayBuffer> }[];
  sequence: number;
}

/** A reference case of a ViT. */
export interface VitGoldenCase extends GoldenBase {
  modelType: "vit";
  config: z.output<typeof vitConfig>;
  /** One for each step: normalized images, row-major [batch, 3, size, size], and the class of each. */
  batches: { images: Float32Array<ArrayBuffer>; labels: Int32Array<ArrayBuffer> }[];
}

/** A reference case as read from its folder, told apart by `modelType`. */
export type GoldenCase = Gpt2GoldenCase | VitGoldenCase;

/**
 * Reads the reference case in `folder`.
 *
 * @param modelType the only model that the caller can use
 * @throws UserError if a file is missing or malformed, if the files contradict one another, or if the case is of another model
 */
export async function readGoldenCase<Model extends GoldenCase["modelType"] = GoldenCase["modelType"]>(
  folder: string,
  modelType?: Model,
): Promise<Extract<GoldenCase, { modelType: Model }>> {
  const [expected, model, grads, batch] = [
    "expected.json",
    "model.safetensors",
    "grads.safetensors",
    "batch.safetensors",
  ].map((name) => `${folder}/${name}`);
  const { config, optimizer, losses } = await readExpected(expected);
  if (modelType && config.modelType !== modelType) {
    throw new UserError(`${folder} is a reference case of "${config.modelType}"; give one of "${modelType}"`);
  }
  const weights = await readSafetensors(model);
  const gradients = await readSafetensors(grads);
  requireSameShapes(weights, model, gradients, grads);
  const tensors = await readSafetensors(batch);
  const data = config.modelType === "gpt2"
    ? { modelType: config.modelType, config, ...tokenBatches(tensors, config, batch) }
    : { modelType: config.modelType, config, ...imageBatches(tensors, config, batch) };
  const steps = data.batches.length;
  if (steps !== losses.length) {
    throw new UserError(
      `${batch} holds ${steps} steps but ${expected} ${losses.length} losses; make them as many`,
    );
  }
  const golden: GoldenCase = { ...data, optimizer, losses, weights, gradients };
  return golden as Extract<GoldenCase, { modelType: Model }>;
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

/** The steps' token ids, checked against the model. */
function tokenBatches(tensors: Map<string, NamedTensor>, config: Gpt2GoldenCase["config"], path: string) {
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

/** The steps' images and labels, checked against the model. */
function imageBatches(tensors: Map<string, NamedTensor>, config: VitGoldenCase["config"], path: string) {
  const images = tensors.get("images"), labels = tensors.get("labels");
  if (images?.dtype !== "F32" || images.shape.length !== 5) {
    throw new UserError(
      `${path} must hold images as floating-point numbers of shape [steps, batch, 3, size, size]`,
    );
  }
  if (labels?.dtype !== "I32" || labels.shape.length !== 2) {
    throw new UserError(`${path} must hold labels as integers of shape [steps, batch]`);
  }
  const [steps, batch, ...pixels] = images.shape;
  if (labels.shape.join() !== [steps, batch].join()) {
    throw new UserError(
      `${path} has [${labels.shape}] labels for [${steps},${batch}] images; label each image`,
    );
  }
  if (pixels.join() !== [3, config.image, config.image].join()) {
    throw new UserError(
      `${path} has images of [${pixels}] numbers; the model takes [3,${config.image},${config.image}]`,
    );
  }
  const strange = labels.data.find((label) => label < 0 || label >= config.classes);
  if (strange !== undefined) {
    throw new UserError(
      `${path} holds label ${strange}; labels must lie below the number of classes, ${config.classes}`,
    );
  }
  const classes = split(labels.data, steps);
  const batches = split(images.data, steps).map((images, step) => ({ images, labels: classes[step] }));
  return { batches, batch };
}

/** The equal parts of a tensor along its first axis. */
function split<T extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(data: T, parts: number): T[] {
  const size = data.length / parts;
  return Array.from({ length: parts }, (_, i) => data.slice(i * size, (i + 1) * size) as T);
}
