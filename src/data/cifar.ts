import { UserError } from "../errors.ts";
import { readBytes, withFileErrors } from "../io/files.ts";
import { concatenate } from "./concatenate.ts";
import type { ImageSet } from "./image_set.ts";
import { bilinear } from "./resize.ts";

/** One of the two binary formats: a record is `labelBytes`, of which the last is the class, and a picture of 32 × 32. */
interface Format {
  name: string;
  classes: number;
  labelBytes: number;
  train: string[];
  heldOut: string[];
}

/**
 * Both archives as they unpack. CIFAR-100's first label byte is the coarse class, which is not used.
 * Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html ("Binary version").
 */
const cifar10: Format = {
  name: "CIFAR-10",
  classes: 10,
  labelBytes: 1,
  train: [1, 2, 3, 4, 5].map((part) => `data_batch_${part}.bin`),
  heldOut: ["test_batch.bin"],
};
const cifar100: Format = {
  name: "CIFAR-100",
  classes: 100,
  labelBytes: 2,
  train: ["train.bin"],
  heldOut: ["test.bin"],
};

const side = 32;
const pictureBytes = 3 * side * side;

export interface CifarImages {
  name: string;
  classes: number;
  train: ImageSet;
  heldOut: ImageSet;
  /** What was read, file after file. */
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Reads CIFAR-10 or CIFAR-100 in binary form, its pictures resized to `size` pixels a side whenever one is asked for. `path` is a
 * folder with the files of an archive, or one file, whose last tenth is then held out. Throws a `UserError` for files that are
 * missing, empty, truncated or of another format, and for a label outside the classes.
 */
export async function readCifar(path: string, size: number): Promise<CifarImages> {
  const { isDirectory } = await withFileErrors("read", path, () => Deno.stat(path));
  return isDirectory ? await readFolder(path, size) : await readSingle(path, size);
}

async function readFolder(path: string, size: number): Promise<CifarImages> {
  const present = new Set<string>();
  await withFileErrors("read", path, async () => {
    for await (const { name } of Deno.readDir(path)) present.add(name);
  });
  const format = [cifar10, cifar100].find(({ train, heldOut }) =>
    [...train, ...heldOut].some((name) => present.has(name))
  );
  if (format === undefined) {
    throw new UserError(
      `${path} holds neither CIFAR-10's data_batch_1.bin … test_batch.bin nor CIFAR-100's train.bin and test.bin, nor ` +
        "MNIST's train-images-idx3-ubyte and what belongs to it; give the folder that the binary archive unpacks to, " +
        "or one .bin file",
    );
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const name of [...format.train, ...format.heldOut]) {
    const bytes = await readBytes(`${path}/${name}`);
    requireRecords(bytes, format, `${path}/${name}`);
    parts.push(bytes);
  }
  const training = parts.slice(0, format.train.length).reduce((sum, { length }) => sum + length, 0);
  return split(concatenate(parts), format, { train: training / recordBytes(format), size });
}

async function readSingle(path: string, size: number): Promise<CifarImages> {
  const bytes = await readBytes(path);
  const format = formatOf(bytes.length, path);
  requireRecords(bytes, format, path);
  const count = bytes.length / recordBytes(format);
  if (count === 1) {
    throw new UserError(`${path} holds one image, and one of two must be held out; give a longer file`);
  }
  return split(bytes, format, { train: count - Math.ceil(count / 10), size });
}

function split(
  bytes: Uint8Array<ArrayBuffer>,
  format: Format,
  { train, size }: { train: number; size: number },
): CifarImages {
  const end = train * recordBytes(format);
  return {
    name: format.name,
    classes: format.classes,
    train: storedImages(bytes.subarray(0, end), format, size),
    heldOut: storedImages(bytes.subarray(end), format, size),
    bytes,
  };
}

function storedImages(records: Uint8Array<ArrayBuffer>, format: Format, size: number): ImageSet {
  const stride = recordBytes(format);
  const resize = bilinear(side, size);
  return {
    count: records.length / stride,
    label: (index) => records[index * stride + format.labelBytes - 1],
    write(index, out, at) {
      const picture = records.subarray((index + 1) * stride - pictureBytes, (index + 1) * stride);
      if (size === side) return out.set(picture, at);
      for (let channel = 0; channel < 3; channel++) {
        const source = picture.subarray(channel * side * side, (channel + 1) * side * side);
        resize(source, out, at + channel * size * size);
      }
    },
  };
}

/** The format that a file's length fits; where both fit, its name decides. */
function formatOf(length: number, path: string): Format {
  const fitting = [cifar10, cifar100].filter((format) => length % recordBytes(format) === 0);
  if (fitting.length === 0) {
    throw new UserError(
      `${path} has ${length} bytes, a whole number neither of CIFAR-10's records of ${
        recordBytes(cifar10)
      } nor of ` +
        `CIFAR-100's of ${recordBytes(cifar100)}: it is truncated or of another format; copy it again`,
    );
  }
  if (fitting.length === 1) return fitting[0];
  return /(^|[/\\])(train|test)\.bin$|100[^/\\]*$/.test(path) ? cifar100 : cifar10;
}

/** Throws a `UserError` unless `bytes` are whole records, at least one, with labels that the format has. */
function requireRecords(bytes: Uint8Array, format: Format, path: string): void {
  const { name, classes, labelBytes } = format;
  const stride = recordBytes(format);
  if (bytes.length === 0) throw new UserError(`${path} is empty; copy it again`);
  if (bytes.length % stride !== 0) {
    throw new UserError(
      `${path} has ${bytes.length} bytes, not a whole number of ${name}'s records of ${stride}: ` +
        "it is truncated or of another format; copy it again",
    );
  }
  for (let at = labelBytes - 1; at < bytes.length; at += stride) {
    if (bytes[at] < classes) continue;
    throw new UserError(
      `The label ${bytes[at]} of image ${
        Math.floor(at / stride)
      } of ${path} is outside ${name}'s ${classes} classes: ` +
        "the file is damaged or of another format; copy it again",
    );
  }
}

function recordBytes({ labelBytes }: Format): number {
  return labelBytes + pictureBytes;
}
