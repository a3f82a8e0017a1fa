import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { readCifar } from "./cifar.ts";
import type { ImageSet } from "./image_set.ts";

const root = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

/** Records with the given labels; picture n holds n + 1 in red, n + 101 in green, n + 201 in blue, and its top left pixel is 0. */
function records(labels: number[], coarse?: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(labels.flatMap((label, n) => {
    const picture = [1, 101, 201].flatMap((first) => [0, ...Array(1023).fill(first + n)]);
    return coarse === undefined ? [label, ...picture] : [coarse, label, ...picture];
  }));
}

function folder(name: string, files: Record<string, Uint8Array<ArrayBuffer>>): string {
  Deno.mkdirSync(`${root}/${name}`, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) Deno.writeFileSync(`${root}/${name}/${file}`, bytes);
  return `${root}/${name}`;
}

const labels = (set: ImageSet) => Array.from({ length: set.count }, (_, index) => set.label(index));

function picture(set: ImageSet, index: number, size = 32): Uint8Array {
  const out = new Uint8Array(3 * size * size + 2).fill(77);
  set.write(index, out, 1);
  assertEquals([out[0], out.at(-1)], [77, 77]);
  return out.subarray(1, -1);
}

async function message(path: string): Promise<string> {
  return (await assertRejects(() => readCifar(path, 32), UserError)).message;
}

const parts = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, records([n, 9 - n])]));

Deno.test("readCifar() reads CIFAR-10's folder, its parts in order", async () => {
  const path = folder("ten", {
    ...parts,
    "test_batch.bin": records([9, 8, 7]),
    "batches.meta.txt": records([]),
  });
  const { name, classes, train, heldOut, bytes } = await readCifar(path, 32);
  assertEquals([name, classes, bytes.length], ["CIFAR-10", 10, 13 * 3073]);
  assertEquals(labels(train), [1, 8, 2, 7, 3, 6, 4, 5, 5, 4]);
  assertEquals(labels(heldOut), [9, 8, 7]);
  assertEquals(picture(train, 3), records([7, 7]).subarray(3074));
  assertEquals(picture(heldOut, 2), records([7, 7, 7]).subarray(2 * 3073 + 1));
});

Deno.test("readCifar() reads CIFAR-100's folder and takes the fine labels", async () => {
  const path = folder("hundred", { "train.bin": records([99, 0], 12), "test.bin": records([42], 13) });
  const { name, classes, train, heldOut } = await readCifar(path, 32);
  assertEquals([name, classes, labels(train), labels(heldOut)], ["CIFAR-100", 100, [99, 0], [42]]);
  assertEquals(picture(train, 1), records([0, 0]).subarray(3074));
});

Deno.test("readCifar() resizes each channel to the model's size", async () => {
  const { train } = await readCifar(`${folder("single", { "a.bin": records([1, 2, 3]) })}/a.bin`, 64);
  const out = picture(train, 1, 64);
  for (const [channel, level] of [2, 102, 202].entries()) {
    const plane = out.subarray(channel * 4096, (channel + 1) * 4096);
    // The corner's weights: 1, 3/4 and 1/4 along each axis.
    assertEquals([...plane.subarray(0, 4)], [0, 0.25, 0.75, 1].map((share) => Math.round(share * level)));
    assertEquals(plane[65], Math.round(level * (1 - 9 / 16)));
    assertEquals([plane[130 + 64], plane.at(-1)], [level, level]);
  }
});

Deno.test("readCifar() tells a single file's format by its length and holds its last tenth out", async () => {
  const path = folder("files", {
    "train.bin": records(Array.from({ length: 20 }, (_, n) => n % 10)), // the name of the other format
    "part.bin": records([98, 99, 50], 1),
    "cifar-100-part.bin": new Uint8Array(3073 * 3074).fill(11),
    "part-of-ten.bin": new Uint8Array(3073 * 3074).fill(9),
  });
  const ten = await readCifar(`${path}/train.bin`, 32);
  assertEquals([ten.name, ten.train.count, labels(ten.heldOut)], ["CIFAR-10", 18, [8, 9]]);
  const hundred = await readCifar(`${path}/part.bin`, 32);
  assertEquals([hundred.name, labels(hundred.train), labels(hundred.heldOut)], ["CIFAR-100", [98, 99], [50]]);
  assertEquals((await readCifar(`${path}/cifar-100-part.bin`, 32)).name, "CIFAR-100");
  assertEquals((await readCifar(`${path}/part-of-ten.bin`, 32)).name, "CIFAR-10");
});

Deno.test("readCifar() says what is missing", async () => {
  assertEquals(
    await message(`${root}/none`),
    `Cannot read ${root}/none: there is no such file; check the path`,
  );
  const { "data_batch_3.bin": _, ...rest } = parts;
  const path = folder("incomplete", { ...rest, "test_batch.bin": records([1]) });
  assertEquals(
    await message(path),
    `Cannot read ${path}/data_batch_3.bin: there is no such file; check the path`,
  );
  const other = folder("other", { "a.bin": records([1]) });
  assertEquals(
    await message(other),
    `${other} holds neither CIFAR-10's data_batch_1.bin … test_batch.bin nor CIFAR-100's train.bin and test.bin, nor ` +
      "MNIST's train-images-idx3-ubyte and what belongs to it; give the folder that the binary archive unpacks to, " +
      "or one .bin file",
  );
});

Deno.test("readCifar() says what is wrong with a file", async () => {
  const path = folder("wrong", {
    "train.bin": records([1], 0).subarray(1),
    "test.bin": records([1], 0),
    "empty.bin": records([]),
    "short.bin": records([1, 2]).subarray(1),
    "one.bin": records([1]),
    "label.bin": records([1, 2, 10, 3]),
    "fine.bin": records([1, 100], 0),
  });
  const damaged = "it is truncated or of another format; copy it again";
  assertEquals(
    await message(path),
    `${path}/train.bin has 3073 bytes, not a whole number of CIFAR-100's records of 3074: ${damaged}`,
  );
  assertEquals(await message(`${path}/empty.bin`), `${path}/empty.bin is empty; copy it again`);
  assertEquals(
    await message(`${path}/short.bin`),
    `${path}/short.bin has 6145 bytes, a whole number neither of CIFAR-10's records of 3073 nor of ` +
      `CIFAR-100's of 3074: ${damaged}`,
  );
  assertEquals(
    await message(`${path}/one.bin`),
    `${path}/one.bin holds one image, and one of two must be held out; give a longer file`,
  );
  const other = "the file is damaged or of another format; copy it again";
  assertEquals(
    await message(`${path}/label.bin`),
    `The label 10 of image 2 of ${path}/label.bin is outside CIFAR-10's 10 classes: ${other}`,
  );
  assertEquals(
    await message(`${path}/fine.bin`),
    `The label 100 of image 1 of ${path}/fine.bin is outside CIFAR-100's 100 classes: ${other}`,
  );
});
