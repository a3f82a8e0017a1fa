import { type Decay, type ParameterShape, parameterShapes, turned } from "../../nn/parameters.ts";
import { type VitConfig, vitTokens } from "./config.ts";

/** The sizes that fix the shapes of a ViT's parameters. */
export type VitSizes = Pick<VitConfig, "image" | "patch" | "layers" | "width" | "classes">;

/**
 * Every parameter under the names and in the order of `timm`. Linear weights are in×out here, the patches' projection a row for each
 * pixel, channel by channel and line by line; checkpoints hold them the other way round.
 */
export function vitParameters(config: VitSizes, decay: Decay): ParameterShape[] {
  const { layers, width, patch, classes } = config;
  const { matrix, linear: inOut, norm } = parameterShapes(decay);
  const linear = (...given: Parameters<typeof inOut>) => {
    const [weight, bias] = inOut(...given);
    return [turned(weight), bias];
  };
  // A token that all images share is no weight matrix, but AdamW of timm's recipe spares only these two beside vectors.
  const shared = (name: string, rows: number): ParameterShape => ({
    ...matrix("embedding", name, rows, width),
    shape: [1, rows, width],
    decayed: decay === "all",
  });
  const [pixels, pixelBias] = inOut("embedding", "patch_embed.proj", 3 * patch ** 2, width);
  return [
    shared("cls_token", 1),
    shared("pos_embed", vitTokens(config)),
    turned(pixels, [3, patch, patch]),
    pixelBias,
    ...Array.from({ length: layers }, (_, i) => `blocks.${i}`).flatMap((b) => [
      ...norm(`${b}.norm1`, width),
      ...linear("qkv", `${b}.attn.qkv`, width, 3 * width),
      ...linear("projection", `${b}.attn.proj`, width, width),
      ...norm(`${b}.norm2`, width),
      ...linear("widening", `${b}.mlp.fc1`, width, 4 * width),
      ...linear("narrowing", `${b}.mlp.fc2`, 4 * width, width),
    ]),
    ...norm("norm", width),
    ...linear("head", "head", width, classes),
  ];
}
