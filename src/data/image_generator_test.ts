import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { shortDigest } from "./digest.ts";
import { generatedImages, generatorName } from "./image_generator.ts";

type Split = "train" | "heldOut";

function images(count: number, split: Split, { size = 32, seed = 0 } = {}): Uint8Array<ArrayBuffer>[] {
  const set = generatedImages({ size, seed, split, count });
  return Array.from({ length: count }, (_, index) => {
    const image = new Uint8Array(3 * size * size);
    set.write(index, image, 0);
    return image;
  });
}

Deno.test("generatedImages() fixes an image by seed, split and index, in whatever order images are asked for", () => {
  const [first, again] = [images(20, "train"), images(20, "train")];
  assertEquals(first, again);
  const set = generatedImages({ size: 32, seed: 0, split: "train", count: 20 });
  const out = new Uint8Array(3 * 1024 + 2);
  for (const index of [13, 2, 13]) {
    set.write(index, out, 1);
    assertEquals(out.subarray(1, -1), first[index]);
  }
  assertEquals([out[0], out.at(-1)], [0, 0]);
  assertNotEquals(images(1, "train", { seed: 1 }), images(1, "train"));
});

Deno.test("generatedImages() draws what its version names", async () => {
  // A change of these bytes is a change of every result: raise the version.
  const bytes = await new Blob(images(30, "train", { size: 24 })).arrayBuffer();
  assertEquals([generatorName(0), await shortDigest(new Uint8Array(bytes))], [
    "generated shapes, version 1, seed 0",
    "bd4e1188ef17",
  ]);
});

Deno.test("generatedImages() repeats no image, within a split or across them", () => {
  const all = [...images(1500, "train", { size: 8 }), ...images(1500, "heldOut", { size: 8 })];
  assertEquals(new Set(all.map((image) => image.join())).size, 3000);
});

Deno.test("generatedImages() balances its labels", () => {
  const set = generatedImages({ size: 8, seed: 5, split: "heldOut", count: 200 });
  const counts = Array(10).fill(0);
  for (let index = 0; index < set.count; index++) counts[set.label(index)]++;
  assertEquals(counts, Array(10).fill(20));
});

Deno.test("generatedImages() draws an image alike at any size", () => {
  // Means over sixteenths of an image, which noise hardly moves.
  const means = (image: Uint8Array, size: number) =>
    Array.from({ length: 48 }, (_, part) => {
      const [channel, y, x] = [part >> 4, (part >> 2) % 4, part % 4].map((i, axis) =>
        i * (axis === 0 ? size : size / 4)
      );
      let sum = 0;
      for (let row = 0; row < size / 4; row++) {
        for (let column = 0; column < size / 4; column++) {
          sum += image[(channel + y + row) * size + x + column];
        }
      }
      return sum / (size / 4) ** 2;
    });
  const [small, large] = [images(20, "train"), images(20, "train", { size: 96 })];
  for (const index of small.keys()) {
    const [a, b] = [means(small[index], 32), means(large[index], 96)];
    const distance = Math.sqrt(a.reduce((sum, mean, i) => sum + (mean - b[i]) ** 2, 0) / 48);
    assert(distance < 6, `image ${index}: ${distance}`);
  }
});

Deno.test("the classes' mean images do not give the labels of generated images away", () => {
  const [train, heldOut] = [images(3000, "train"), images(1000, "heldOut")];
  const means = Array.from({ length: 10 }, () => new Float64Array(3072));
  train.forEach((image, index) => image.forEach((byte, i) => means[index % 10][i] += byte / 300));
  const nearest = heldOut.map((image) => {
    const distances = means.map((mean) => mean.reduce((sum, level, i) => sum + (level - image[i]) ** 2, 0));
    return distances.indexOf(Math.min(...distances));
  });
  const right = nearest.filter((label, index) => label === index % 10).length;
  assert(right < 250, `${right} of 1000`); // by chance 100
});
