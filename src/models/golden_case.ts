/**
 * Reference cases: folders that hold a small model, some batches, and what another implementation computed from them.
 *
 *     expected.json         configuration, optimizer and the loss of every step
 *     model.safetensors     weights before the first step
 *     grads.safetensors     gradients of the first step, under the names of the weights
 *     batch.safetensors     the steps' batches, as the model's family has them
 */

import { z } from "zod";
import { UserError } from "../errors.ts";
import { readJson } from "../io/json_file.ts";
import { type NamedTensor, readSafetensors } from "../io/safetensors.ts";
import { type ConfigOf, familyOf, type ModelType, modelTypes, type SampleOf } from "./families.ts";
import type { Unnamed } from "./shared/family.ts";

const modelType = z.object({
  config: z.object({
    model_type: z.enum(modelTypes, {
      error: `the known model types are ${
        modelTypes.map((type) => `"${type}"`).join(", ").replace(/, (?=[^,]*$)/, " and ")
      }`,
    }),
  }),
});

const expectedSchema = z.object({
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

/** A reference case as read from its folder. */
export interface GoldenCase<Type extends ModelType = ModelType> {
  readonly modelType: Type;
  readonly config: Unnamed<ConfigOf<Type>>;
  /** AdamW; weight decay applies to all parameters and nothing is clipped. */
  readonly optimizer: z.output<typeof expectedSchema>["optimizer"];
  /** Mean loss (nats) of each step before its update. */
  readonly losses: number[];
  readonly weights: Map<string, NamedTensor>;
  /** Gradients of the first step. */
  readonly gradients: Map<string, NamedTensor>;
  /** One for each step, its samples, and the tokens of a sample. */
  readonly batches: SampleOf<Type>[];
  readonly batch: number;
  readonly sequence: number;
}

/**
 * Reads the reference case in `folder`.
 *
 * @param wanted the only type of model that the caller can use
 * @throws UserError if a file is missing or malformed, if the files contradict one another, or if the case is of another model
 */
export async function readGoldenCase<Type extends ModelType = ModelType>(
  folder: string,
  wanted?: Type,
): Promise<GoldenCase<Type>> {
  const [expected, model, grads, batch] = [
    "expected.json",
    "model.safetensors",
    "grads.safetensors",
    "batch.safetensors",
  ].map((name) => `${folder}/${name}`);
  const { family, config, optimizer, losses } = readExpected(expected);
  const { modelType } = config;
  if (wanted && modelType !== wanted) {
    throw new UserError(`${folder} is a reference case of "${modelType}"; give one of "${wanted}"`);
  }
  const weights = await readSafetensors(model);
  const gradients = await readSafetensors(grads);
  requireSameShapes(weights, model, gradients, grads);
  const data = family.golden.batches(await readSafetensors(batch), config, batch);
  const steps = data.batches.length;
  if (steps !== losses.length) {
    throw new UserError(
      `${batch} holds ${steps} steps but ${expected} ${losses.length} losses; make them as many`,
    );
  }
  const golden: GoldenCase = { modelType, config, ...data, optimizer, losses, weights, gradients };
  return golden as GoldenCase<Type>;
}

function readExpected(path: string) {
  const json = readJson(path);
  const { config: { model_type } } = described(modelType, json, path);
  const family = familyOf({ modelType: model_type });
  const { config } = described(z.object({ config: family.golden.config }), json, path);
  return { family, config, ...described(expectedSchema, json, path) };
}

function described<Schema extends z.ZodType>(schema: Schema, json: unknown, path: string): z.output<Schema> {
  const { data, error } = schema.safeParse(json);
  if (!error) return data;
  const [issue] = error.issues;
  const place = issue.path.length > 0 ? ` at ${issue.path.join(".")}` : "";
  throw new UserError(`${path} does not describe a reference case${place}: ${issue.message}`);
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
