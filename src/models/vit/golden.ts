import { z } from "zod";
import type { ImageBatch } from "../../data/image_batches.ts";
import { UserError } from "../../errors.ts";
import type { GoldenFormat, NamedTensors, Unnamed } from "../shared/family.ts";
import { split } from "../shared/golden_batches.ts";
import { type VitConfig, vitTokens } from "./config.ts";

const count = z.int().positive();

const config = z.object({
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

/** The steps' images and labels, checked against the model. */
function imageBatches(tensors: NamedTensors, config: Unnamed<VitConfig>, path: string) {
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
  return { batches, batch, sequence: vitTokens(config) };
}

/** Reference cases of `timm`: normalized images, [steps, batch, 3, size, size], and labels, [steps, batch]. */
export const vitGolden: GoldenFormat<VitConfig, ImageBatch> = { config, batches: imageBatches };
