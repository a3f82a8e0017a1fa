import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { heldOutBatches, ImageBatches } from "./image_batches.ts";
import type { ImageSet } from "./image_set.ts";

/** Image n has label n; its pixels are all n. */
const even = (count: number, size: number): ImageSet => ({
  count,
  label: (index) => index,
  write: (index, out, at) => void out.fill(index, at, at + 3 * size * size),
});

/** One image of 16 × 16 whose bytes all differ within a channel: channel c holds 0 to 255 plus c, modulo 256. */
const counting: ImageSet = {
  count: 1,
  label: () => 5,
  write: (_, out, at) => {
    for (let i = 0; i < 3 * 256; i++) out[at + i] = (i + (i >> 8)) % 256;
  },
};

/** `counting`, moved and mirrored pixel by pixel. */
function changed({ right, down, flip }: { right: number; down: number; flip: boolean }): Uint8Array {
  const original = new Uint8Array(3 * 256);
  counting.write(0, original, 0);
  return Uint8Array.from(original, (_, i) => {
    const [channel, y, x] = [i >> 8, (i >> 4) % 16, i % 16];
    const [fromX, fromY] = [(flip ? 15 - x : x) - right, y - down];
    const inside = fromX >= 0 && fromX < 16 && fromY >= 0 && fromY < 16;
    return inside ? original[channel * 256 + fromY * 16 + fromX] : 128;
  });
}

Deno.test("ImageBatches moves by up to an eighth of the size, over grey, and mirrors: all cases about equally often", () => {
  const cases = [-2, -1, 0, 1, 2].flatMap((right) =>
    [-2, -1, 0, 1, 2].flatMap((down) => [false, true].map((flip) => changed({ right, down, flip }).join()))
  );
  const seen = new Map(cases.map((image) => [image, 0]));
  assertEquals(seen.size, 50);
  const { images, labels } = new ImageBatches(counting, { batch: 2000, size: 16, seed: 3 }).next();
  for (let row = 0; row < 2000; row++) {
    const image = images.subarray(row * 768, (row + 1) * 768).join();
    assert(seen.has(image));
    seen.set(image, seen.get(image)! + 1);
  }
  // 40 expected of each, with a standard deviation of 6.3.
  for (const count of seen.values()) assert(count > 10 && count < 70);
  assert(labels.every((label) => label === 5));
});

Deno.test("ImageBatches takes each image once an epoch, in another order every time, across batches", () => {
  const batches = new ImageBatches(even(10, 8), { batch: 4, size: 8, seed: 0 });
  const taken = Array.from({ length: 5 }, () => batches.next()).flatMap(({ images, labels }) => {
    // The middle of an image stays in view.
    assertEquals([...labels], [...labels.keys()].map((row) => images[row * 192 + 4 * 8 + 4]));
    return [...labels];
  });
  const [first, second] = [taken.slice(0, 10), taken.slice(10)];
  assertNotEquals(first, second);
  for (const epoch of [first, second]) {
    assertEquals(epoch.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

Deno.test("ImageBatches takes the orders of an epoch about equally often", () => {
  const { labels } = new ImageBatches(even(3, 1), { batch: 3 * 600, size: 1, seed: 0 }).next();
  const seen = new Map<string, number>();
  for (let at = 0; at < labels.length; at += 3) {
    const order = labels.subarray(at, at + 3).join();
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assertEquals(seen.size, 6);
  // 100 expected of each, with a standard deviation of 9.1.
  for (const count of seen.values()) assert(count > 60 && count < 140);
});

Deno.test("ImageBatches leaves images as they are where it is told to, in the same order", () => {
  const size = { batch: 8, size: 8, seed: 3 };
  const plain = new ImageBatches(even(100, 8), { ...size, augmentation: "none" }).next();
  const expected = new Uint8Array(192);
  plain.labels.forEach((label, row) => {
    even(100, 8).write(label, expected, 0);
    assertEquals(plain.images.subarray(row * 192, (row + 1) * 192), expected);
  });
  const moved = new ImageBatches(even(100, 8), size).next();
  assertEquals(moved.labels, plain.labels);
  assertNotEquals(moved.images, plain.images);
});

Deno.test("ImageBatches takes a batch larger than the set", () => {
  const { labels } = new ImageBatches(even(3, 8), { batch: 9, size: 8, seed: 0 }).next();
  assertEquals([...labels].sort(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
});

Deno.test("ImageBatches repeats its batches for one seed and gives others for another", () => {
  const take = (seed: number) => {
    const batches = new ImageBatches(even(100, 8), { batch: 8, size: 8, seed });
    return [batches.next(), batches.next()];
  };
  assertEquals(take(1), take(1));
  assertNotEquals(take(1)[0], take(1)[1]);
  assertNotEquals(take(1)[0].labels, take(2)[0].labels);
});

Deno.test("heldOutBatches() gives the first images in order as they are, and no incomplete batch", () => {
  const take = (count: number) => heldOutBatches(even(11, 2), { batch: 3, size: 2, count });
  assertEquals(take(9).map(({ labels }) => [...labels]), [[0, 1, 2], [3, 4, 5], [6, 7, 8]]);
  assertEquals(take(2), take(9).slice(0, 2));
  const images = [3, 4, 5].flatMap((index) => Array(12).fill(index));
  assertEquals(take(2)[1].images, Uint8Array.from(images));
});

Deno.test("heldOutBatches() refuses a set that fills no batch", () => {
  assertEquals(
    assertThrows(() => heldOutBatches(even(11, 2), { batch: 12, size: 2, count: 1 }), UserError).message,
    "The held-out split has 11 images, fewer than a batch of 12; give a smaller --batch or more images with --images",
  );
});
