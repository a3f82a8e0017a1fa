import { UserError } from "../../errors.ts";
import { checkHeads } from "../heads.ts";

/** Sizes of a Vision Transformer with a class token, as `timm` builds it: exact GELU, biases everywhere, an MLP four times as wide. */
export interface VitConfig {
  readonly modelType: "vit";
  readonly name: string;
  /** Pixels of an image's side, and of a patch's, which divides it. */
  readonly image: number;
  readonly patch: number;
  readonly layers: number;
  /** Channels, C. `heads` divides it. */
  readonly width: number;
  readonly heads: number;
  readonly classes: number;
  readonly layerNormEpsilon: number;
}

const preset = (
  name: string,
  [image, patch, classes]: [number, number, number],
  [layers, width, heads]: [number, number, number],
): VitConfig => ({
  modelType: "vit",
  ...{ name, image, patch, layers, width, heads, classes },
  layerNormEpsilon: 1e-6,
});

/** Named sizes: DeiT's three (Touvron et al. 2021, arXiv 2012.12877), and small ones for images of 32 pixels. */
export const vitPresets = {
  "vit-nano": preset("vit-nano", [32, 4, 10], [2, 128, 4]),
  "vit-micro": preset("vit-micro", [32, 4, 10], [4, 256, 8]),
  "vit-mini": preset("vit-mini", [32, 4, 10], [6, 512, 8]),
  "deit-tiny": preset("deit-tiny", [224, 16, 1000], [12, 192, 3]),
  "deit-small": preset("deit-small", [224, 16, 1000], [12, 384, 6]),
  "deit-base": preset("deit-base", [224, 16, 1000], [12, 768, 12]),
} as const satisfies Record<string, VitConfig>;

/** Tokens of an image: its patches, and the class token before them. */
export function vitTokens({ image, patch }: Pick<VitConfig, "image" | "patch">): number {
  return (image / patch) ** 2 + 1;
}

/** Throws a UserError if the sizes contradict each other. */
export function checkVit(config: VitConfig): void {
  const { name, image, patch } = config;
  checkHeads(config);
  if (image % patch !== 0) {
    throw new UserError(
      `Model "${name}": patches of ${patch} pixels do not divide an image of ${image}; give a patch that does`,
    );
  }
}
