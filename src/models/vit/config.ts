import type { z } from "zod";
import { UserError } from "../../errors.ts";
import { checkHeads, count, layerNormEpsilon, transformerSizes } from "../shared/sizes.ts";

export const vitSizes = {
  ...transformerSizes,
  image: count.describe("pixels of an image's side"),
  patch: count.describe("pixels of a patch's side, which divides the image's"),
  classes: count.describe("classes to tell apart; more, if the images have more"),
  layerNormEpsilon,
};

/** Sizes of a Vision Transformer with a class token, as `timm` builds it: exact GELU, biases everywhere, an MLP four times as wide. */
export interface VitConfig extends Readonly<z.output<z.ZodObject<typeof vitSizes>>> {
  readonly modelType: "vit";
  readonly name: string;
}

/** What every DeiT has. */
export const vitDefaults = { image: 224, patch: 16, classes: 1000, layerNormEpsilon: 1e-6 };

const preset = (
  name: string,
  [layers, width, heads]: [number, number, number],
  changes: Partial<typeof vitDefaults> = {},
): VitConfig => ({ modelType: "vit", name, layers, width, heads, ...vitDefaults, ...changes });

const little = { image: 32, patch: 4, classes: 10 };

/** Named sizes: DeiT's three (Touvron et al. 2021, arXiv 2012.12877), and small ones for images of 32 pixels. */
export const vitPresets = {
  "vit-nano": preset("vit-nano", [2, 128, 4], little),
  "vit-micro": preset("vit-micro", [4, 256, 8], little),
  "vit-mini": preset("vit-mini", [6, 512, 8], little),
  "deit-tiny": preset("deit-tiny", [12, 192, 3]),
  "deit-small": preset("deit-small", [12, 384, 6]),
  "deit-base": preset("deit-base", [12, 768, 12]),
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

/** Throws a UserError for any length but that of an image. */
export function checkVitSequence(config: VitConfig, sequence: number): void {
  const tokens = vitTokens(config);
  if (sequence === tokens) return;
  throw new UserError(
    `Model "${config.name}" makes ${tokens} tokens of an image, not ${sequence}; leave out --sequence`,
  );
}
