import { UserError } from "../../errors.ts";
import { blocksOf, headsOf, shapesOf } from "../shared/checkpoint_parameters.ts";
import type { CheckpointFormat, NamedTensors, Sizes } from "../shared/family.ts";
import { type VitConfig, vitDefaults } from "./config.ts";

/**
 * ViT as `timm` saves it. Heads and epsilon are what the file's metadata say; else heads are taken to be 64 wide, as in every DeiT, and
 * the epsilon to be timm's, 1e-6.
 */
export const vitCheckpoint: CheckpointFormat<VitConfig> = {
  recognises: (tensors) => tensors.has("cls_token"),
  canonical: (tensors) => tensors,
  settings: (_path, { num_heads, layer_norm_eps }) =>
    Promise.resolve({
      ...num_heads !== undefined && { heads: Number(num_heads) },
      ...layer_norm_eps !== undefined && { layerNormEpsilon: Number(layer_norm_eps) },
    }),
  sizesFrom,
  metadata: ({ heads, layerNormEpsilon }) => ({
    num_heads: `${heads}`,
    layer_norm_eps: `${layerNormEpsilon}`,
  }),
};

function sizesFrom(
  tensors: NamedTensors,
  source: string,
  { heads, layerNormEpsilon = vitDefaults.layerNormEpsilon }: Partial<Sizes<VitConfig>>,
): Sizes<VitConfig> {
  const shapeOf = shapesOf(tensors, "ViT", source);
  const [width, _channels, patch] = shapeOf("patch_embed.proj.weight", 4);
  const [, tokens] = shapeOf("pos_embed", 3);
  const [classes] = shapeOf("head.weight", 2);
  const side = Math.sqrt(tokens - 1); // patches in a row; if no whole number, no image has as many tokens
  if (!Number.isInteger(side) || side === 0) {
    throw new UserError(
      `${source} has ${tokens} positions, not those of a class token and a square of patches; choose another checkpoint`,
    );
  }
  return {
    layers: blocksOf(tensors, "blocks"),
    width,
    heads: headsOf(width, heads, source),
    image: side * patch,
    patch,
    classes,
    layerNormEpsilon,
  };
}
