import type { ImageBatch } from "../../data/image_batches.ts";
import type { Family } from "../shared/family.ts";
import { vitCheckpoint } from "./checkpoint.ts";
import {
  checkVit,
  checkVitSequence,
  type VitConfig,
  vitDefaults,
  vitPresets,
  vitSizes,
  vitTokens,
} from "./config.ts";
import { vitGolden } from "./golden.ts";
import { vitParameters } from "./parameters.ts";

/** Vision Transformers with a class token (Dosovitskiy et al. 2021, arXiv 2010.11929), as `timm` builds them. */
export const vit: Family<VitConfig, ImageBatch> = {
  modelType: "vit",
  title: "a ViT",
  sizes: vitSizes,
  defaults: vitDefaults,
  presets: vitPresets,
  aliases: {},
  choosesSequence: false,
  check: checkVit,
  checkSequence: checkVitSequence,
  usualSequence: vitTokens,
  input: ({ image, classes }) => ({ kind: "images", size: image, classes }),
  parameters: vitParameters,
  checkpoint: vitCheckpoint,
  golden: vitGolden,
};
