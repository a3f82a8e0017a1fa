import { gunzipSync } from "node:zlib";
import { UserError } from "../errors.ts";
import { readBytes, withFileErrors } from "../io/files.ts";
import { concatenate } from "./concatenate.ts";
import { type IdxArray, parseIdx } from "./idx.ts";
import type { ImageSet } from "./image_set.ts";
import { bilinear } from "./resize.ts";

/** What MNIST's files are called, and those of the sets that took its form; each may be gzipped, and then ends in ".gz". */
const files = {
  train: { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" },
  heldOut: { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" },
} as const;

export interface IdxImages {
  classes: number;
  train: ImageSet;
  heldOut: ImageSet;
  /** What was read, unpacked, file after file. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** Whether a path is a folder with one of the files. */
export async function holdsIdx(path: string): Promise<boolean> {
  const wanted = Object.values(files).flatMap((split) => Object.values(split));
  return await withFileErrors("read", path, async () => {
    if (!(await Deno.stat(path)).isDirectory) return false;
    for await (const { name } of Deno.readDir(path)) {
      if (wanted.some((file) => name === file || name === `${file}.gz`)) return true;
    }
    return false;
  });
}

/**
 * Reads the four files of MNIST's form, gzipped or not, their grey pictures resized to `size` pixels a side whenever one is asked for, and
 * the same in red, green and blue. Throws a `UserError` for files that are missing, damaged or of another format, for pictures that are not
 * square, and for images and labels of different numbers.
 */
export async function readIdxImages(folder: string, size: number): Promise<IdxImages> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const read = async (name: string, dimensions: number) => {
    const { bytes, path } = await unpacked(`${folder}/${name}`);
    parts.push(bytes);
    return { array: parseIdx(bytes, dimensions, path), path };
  };
  const split = async ({ images, labels }: { images: string; labels: string }) => {
    const pictures = await read(images, 3);
    const classes = await read(labels, 1);
    requireMatching(pictures, classes);
    return { set: greyImages(pictures.array, classes.array.values, size), labels: classes.array.values };
  };
  const train = await split(files.train);
  const heldOut = await split(files.heldOut);
  return {
    classes: 1 + Math.max(largest(train.labels), largest(heldOut.labels)),
    train: train.set,
    heldOut: heldOut.set,
    bytes: concatenate(parts),
  };
}

/** A file's bytes, or those of the gzipped one of its name. */
async function unpacked(plain: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; path: string }> {
  const path = await exists(plain) || !await exists(`${plain}.gz`) ? plain : `${plain}.gz`;
  const bytes = await readBytes(path);
  if (path === plain) return { bytes, path };
  try {
    return { bytes: new Uint8Array(gunzipSync(bytes)), path };
  } catch {
    throw new UserError(`${path} cannot be unpacked: it is truncated or not gzipped; copy it again`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

type Read = { array: IdxArray; path: string };

function requireMatching(images: Read, labels: Read): void {
  const [[count, height, width], [labelled]] = [images.array.shape, labels.array.shape];
  if (count !== labelled) {
    throw new UserError(
      `${images.path} holds ${count} images and ${labels.path} ${labelled} labels: they belong to different sets; ` +
        "give the files of one",
    );
  }
  if (count === 0) {
    throw new UserError(`${images.path} holds no images; give the files of a set that has some`);
  }
  if (height === width && width > 0) return;
  throw new UserError(`${images.path} holds pictures of ${height} × ${width}; give square ones`);
}

function greyImages({ shape, values }: IdxArray, labels: Uint8Array, size: number): ImageSet {
  const [count, side] = shape;
  const resize = bilinear(side, size);
  const channel = size * size;
  return {
    count,
    label: (index) => labels[index],
    write(index, out, at) {
      resize(values.subarray(index * side * side, (index + 1) * side * side), out, at);
      for (const other of [1, 2]) out.copyWithin(at + other * channel, at, at + channel);
    },
  };
}

function largest(labels: Uint8Array): number {
  return labels.reduce((most, label) => Math.max(most, label), 0);
}
