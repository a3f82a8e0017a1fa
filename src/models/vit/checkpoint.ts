import { UserError } from "../../errors.ts";
import { headsOf, pickParameters } from "../checkpoint_parameters.ts";
import {
  type NamedTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from "../../io/safetensors.ts";

/** The sizes that fix the shapes of a ViT's parameters; images are `image` pixels wide and high, patches `patch`. */
export interface VitSizes {
  image: number;
  patch: number;
  layers: number;
  width: number;
  classes: number;
}

/** What a checkpoint tells of its model; `heads` and the epsilon do not show in the shapes. */
export interface VitCheckpointConfig extends VitSizes {
  heads: number;
  layerNormEpsilon: number;
}

type Unseen = Pick<VitCheckpointConfig, "heads" | "layerNormEpsilon">;

/**
 * Names and shapes of a ViT's parameters as `timm` saves them, in the order of its modules: T = 1 + (image/patch)² tokens, linear weights
 * [out, in], the patches' projection a convolution [width, 3, patch, patch].
 */
export function vitParameterShapes(
  { image, patch, layers, width, classes }: VitSizes,
): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const affine = (name: string, ...weight: number[]) => {
    shapes.set(`${name}.weight`, weight);
    shapes.set(`${name}.bias`, weight.slice(0, 1));
  };
  shapes.set("cls_token", [1, 1, width]);
  shapes.set("pos_embed", [1, 1 + (image / patch) ** 2, width]);
  affine("patch_embed.proj", width, 3, patch, patch);
  for (let layer = 0; layer < layers; layer++) {
    affine(`blocks.${layer}.norm1`, width);
    affine(`blocks.${layer}.attn.qkv`, 3 * width, width);
    affine(`blocks.${layer}.attn.proj`, width, width);
    affine(`blocks.${layer}.norm2`, width);
    affine(`blocks.${layer}.mlp.fc1`, 4 * width, width);
    affine(`blocks.${layer}.mlp.fc2`, width, 4 * width);
  }
  affine("norm", width);
  affine("head", classes, width);
  return shapes;
}

/**
 * A parameter's elements as the models hold them, from timm's: [out, …in] becomes [in, out], so that the patches' projection has a row
 * for each pixel, channel by channel and line by line. Vectors, class token and positions have one row or one column; they stay.
 */
export function fromTimm(
  [rows]: readonly number[],
  data: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  return transposed(data, rows);
}

/** The inverse of `fromTimm`; the shape is timm's. */
export function asTimm(
  [rows]: readonly number[],
  data: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  return transposed(data, data.length / rows);
}

function transposed(data: Float32Array<ArrayBuffer>, rows: number): Float32Array<ArrayBuffer> {
  const cols = data.length / rows;
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) result[col * rows + row] = data[row * cols + col];
  }
  return result;
}

/**
 * Picks a ViT's parameters out of the tensors of a checkpoint, under the names and in the order of `vitParameterShapes`, in the layout
 * of `fromTimm`.
 * Throws a `UserError` that names the tensor which is missing, unexpected, or of the wrong shape; `source` names the file.
 */
export function vitWeightsFrom(
  tensors: ReadonlyMap<string, NamedTensor>,
  sizes: VitSizes,
  source: string,
): Map<string, Float32Array<ArrayBuffer>> {
  const shapes = vitParameterShapes(sizes);
  const weights = pickParameters(tensors, shapes, `a ViT of ${sizes.layers} layers`, source);
  for (const [name, data] of weights) weights.set(name, fromTimm(shapes.get(name)!, data));
  return weights;
}

/**
 * Infers the model of a checkpoint from its tensors' shapes. They do not show the number of heads: where `hints` does not tell it, heads
 * are taken to be 64 wide, as in every DeiT. The epsilon defaults to timm's, 1e-6.
 * Throws a `UserError` if the tensors are not a ViT's, its images are not square, or the heads do not divide the width.
 */
export function vitConfigFrom(
  tensors: ReadonlyMap<string, NamedTensor>,
  source: string,
  hints: Partial<Unseen> = {},
): VitCheckpointConfig {
  const shapeOf = (name: string, rank: number) => {
    const shape = tensors.get(name)?.shape;
    if (shape?.length === rank) return shape;
    throw new UserError(`${source} is not a ViT checkpoint: it has no "${name}" of ${rank} dimensions`);
  };
  const [width, _channels, patch] = shapeOf("patch_embed.proj.weight", 4);
  const [, tokens] = shapeOf("pos_embed", 3);
  const [classes] = shapeOf("head.weight", 2);
  const side = Math.sqrt(tokens - 1); // patches in a row; if no whole number, no image has as many tokens
  if (!Number.isInteger(side) || side === 0) {
    throw new UserError(
      `${source} has ${tokens} positions, not those of a class token and a square of patches; choose another checkpoint`,
    );
  }
  const layers = new Set([...tensors.keys()].map((name) => /^blocks\.(\d+)\./.exec(name)?.[1]));
  layers.delete(undefined);
  return {
    image: side * patch,
    patch,
    layers: layers.size,
    width,
    heads: headsOf(width, hints.heads, source),
    classes,
    layerNormEpsilon: hints.layerNormEpsilon ?? 1e-6,
  };
}

/**
 * Reads a ViT checkpoint that `timm` or `writeVitCheckpoint` saved. The number of heads is `options.heads`, else what the file's
 * metadata say, else the width divided by 64. Throws a `UserError` for whatever `readSafetensors`, `vitConfigFrom` and `vitWeightsFrom`
 * refuse.
 */
export async function readVitCheckpoint(
  path: string,
  options: { heads?: number } = {},
): Promise<{ config: VitCheckpointConfig; weights: Map<string, Float32Array<ArrayBuffer>> }> {
  const tensors = await readSafetensors(path);
  const { num_heads, layer_norm_eps } = await readSafetensorsMetadata(path);
  const number = (text: string | undefined) => text === undefined ? undefined : Number(text);
  const config = vitConfigFrom(tensors, path, {
    heads: options.heads ?? number(num_heads),
    layerNormEpsilon: number(layer_norm_eps),
  });
  return { config, weights: vitWeightsFrom(tensors, config, path) };
}

/** Saves a ViT's parameters, in timm's layout, so that `timm` loads them and `readVitCheckpoint` knows the heads. */
export function writeVitCheckpoint(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  { heads, layerNormEpsilon }: Unseen,
): Promise<void> {
  const metadata = { format: "pt", num_heads: `${heads}`, layer_norm_eps: `${layerNormEpsilon}` };
  return writeSafetensors(path, tensors, metadata);
}
