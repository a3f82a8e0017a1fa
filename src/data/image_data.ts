import { basename } from "node:path";
import { UserError } from "../errors.ts";
import { readCifar } from "./cifar.ts";
import { sha256, short, shortDigest } from "./digest.ts";
import { holdsIdx, readIdxImages } from "./idx_images.ts";
import { generatedImages, generatorName } from "./image_generator.ts";
import type { ImageSet } from "./image_set.ts";
import { shapes } from "./image_shapes.ts";
import { locateImages, namedImages, requirePinned, titleOf } from "./named_data.ts";

/** Labelled images of one size, split in two. */
export interface ImageData {
  /** A short name for tables. */
  name: string;
  /** Labels are smaller than this. */
  classes: number;
  /** Pixels a side. */
  size: number;
  train: ImageSet;
  heldOut: ImageSet;
  /** The first 12 hexadecimal digits of the SHA-256 of the files' bytes in order; for generated images, of the generator's name with its version and seed. */
  digest: string;
  generated: boolean;
}

export interface ImageOptions {
  /**
   * The name of a set, a folder of MNIST's form, a folder or a file of CIFAR-10 or CIFAR-100 in binary form; without a path, the built-in
   * generator.
   */
  path?: string;
  /** Pixels a side that the model wants; pictures of another size are resized. */
  size: number;
  /** What fixes the generator's images. Default 0. */
  seed?: number;
}

/** As many images as the generator gives: CIFAR's numbers. */
const generatedCounts = { train: 50_000, heldOut: 10_000 };

/**
 * Loads labelled images. Throws a `UserError` for files that are missing, unreadable, empty or malformed, and for labels outside their
 * classes.
 */
export async function loadImages({ path: given, size, seed = 0 }: ImageOptions): Promise<ImageData> {
  if (!(Number.isInteger(size) && size > 0)) {
    throw new UserError(`The image size is ${size}; give a whole number of pixels from 1`);
  }
  const path = await locateImages(given);
  if (path !== undefined) {
    const isIdx = await holdsIdx(path);
    const { bytes, ...images } = isIdx ? await readIdxImages(path, size) : await readCifar(path, size);
    const digest = await sha256(bytes);
    if (given !== undefined && Object.hasOwn(namedImages, given)) {
      requirePinned(namedImages[given], digest, path);
    }
    const name = titleOf(namedImages, digest) ?? basename(path);
    return { name, ...images, size, digest: short(digest), generated: false };
  }
  const split = (split: "train" | "heldOut") =>
    generatedImages({ size, seed, split, count: generatedCounts[split] });
  return {
    name: "generated shapes",
    classes: shapes.length,
    size,
    train: split("train"),
    heldOut: split("heldOut"),
    digest: await shortDigest(new TextEncoder().encode(generatorName(seed))),
    generated: true,
  };
}
