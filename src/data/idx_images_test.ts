import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { UserError } from "../errors.ts";
import { holdsIdx, readIdxImages } from "./idx_images.ts";
import type { ImageSet } from "./image_set.ts";
import { folderWith, idx, idxFiles } from "./testing.ts";

const root = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

const gzipped = (files: Record<string, Uint8Array>) =>
  Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [`${name}.gz`, new Uint8Array(gzipSync(bytes))]),
  );

const labels = (set: ImageSet) => Array.from({ length: set.count }, (_, index) => set.label(index));

function picture(set: ImageSet, index: number, size: number): number[] {
  const out = new Uint8Array(3 * size * size + 2).fill(77);
  set.write(index, out, 1);
  assertEquals([out[0], out.at(-1)], [77, 77]);
  return [...out.subarray(1, -1)];
}

/** What is said of the four files with some of them changed, or taken away. */
async function told(name: string, changes: Record<string, Uint8Array | null>): Promise<string> {
  const files = Object.entries({ ...idxFiles(), ...changes }).filter(([, bytes]) => bytes !== null);
  const path = await folderWith(`${root}/${name}`, Object.fromEntries(files) as Record<string, Uint8Array>);
  return (await assertRejects(() => readIdxImages(path, 2), UserError)).message.replace(path, "F").replace(
    path,
    "F",
  );
}

Deno.test("readIdxImages() reads both splits, grey as red, green and blue, and counts the classes of both", async () => {
  const path = await folderWith(`${root}/plain`, idxFiles());
  const { classes, train, heldOut, bytes } = await readIdxImages(path, 2);
  assertEquals([classes, labels(train), labels(heldOut)], [5, [0, 1, 2], [1, 4]]);
  assertEquals(picture(train, 1, 2), [10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13]);
  assertEquals(picture(heldOut, 1, 2).slice(0, 4), [40, 41, 42, 43]);
  assertEquals(bytes.length, Object.values(idxFiles()).reduce((sum, { length }) => sum + length, 0));
});

Deno.test("readIdxImages() resizes each channel alike", async () => {
  const path = await folderWith(`${root}/plain`, idxFiles());
  const { heldOut } = await readIdxImages(path, 1);
  assertEquals(picture(heldOut, 0, 1), [32, 32, 32]); // the mean of 30 … 33, rounded
});

Deno.test("readIdxImages() reads gzipped files as the same bytes, and plain ones beside them", async () => {
  const plain = await readIdxImages(await folderWith(`${root}/plain`, idxFiles()), 2);
  const packed = await readIdxImages(await folderWith(`${root}/packed`, gzipped(idxFiles())), 2);
  assertEquals(packed.bytes, plain.bytes);
  const { "train-labels-idx1-ubyte": one, ...others } = idxFiles();
  const mixed = await folderWith(`${root}/mixed`, { ...gzipped(others), "train-labels-idx1-ubyte": one });
  assertEquals((await readIdxImages(mixed, 2)).bytes, plain.bytes);
});

Deno.test("readIdxImages() refuses images and labels of different numbers", async () => {
  assertEquals(
    await told("unequal", { "t10k-labels-idx1-ubyte": idx([3], [1, 4, 4]) }),
    "F/t10k-images-idx3-ubyte holds 2 images and F/t10k-labels-idx1-ubyte 3 labels: they belong to different sets; " +
      "give the files of one",
  );
});

Deno.test("readIdxImages() refuses pictures that are not square, and none", async () => {
  assertEquals(
    await told("oblong", { "train-images-idx3-ubyte": idx([3, 1, 2], [1, 2, 3, 4, 5, 6]) }),
    "F/train-images-idx3-ubyte holds pictures of 1 × 2; give square ones",
  );
  assertEquals(
    await told("none", {
      "train-images-idx3-ubyte": idx([0, 2, 2], []),
      "train-labels-idx1-ubyte": idx([0], []),
    }),
    "F/train-images-idx3-ubyte holds no images; give the files of a set that has some",
  );
});

Deno.test("readIdxImages() names the file that is missing, damaged or of another kind", async () => {
  const name = "t10k-images-idx3-ubyte";
  assertEquals(
    await told("missing", { [name]: null }),
    `Cannot read F/${name}: there is no such file; check the path`,
  );
  const short = new Uint8Array(gzipSync(idxFiles()[name])).slice(0, 20);
  assertEquals(
    await told("cut", { [name]: null, [`${name}.gz`]: short }),
    `F/${name}.gz cannot be unpacked: it is truncated or not gzipped; copy it again`,
  );
  assertEquals(
    await told("labels", { [name]: idxFiles()["t10k-labels-idx1-ubyte"] }),
    `F/${name} has 10 bytes of an IDX header of 16: it is truncated or of another format; copy it again`,
  );
});

Deno.test("holdsIdx() knows a folder by any of the files", async () => {
  const [name] = Object.keys(idxFiles());
  assertEquals(await holdsIdx(await folderWith(`${root}/known`, { [`${name}.gz`]: "" })), true);
  assertEquals(await holdsIdx(await folderWith(`${root}/unknown`, { "train.bin": "" })), false);
  assertEquals(await holdsIdx(`${root}/unknown/train.bin`), false);
});
