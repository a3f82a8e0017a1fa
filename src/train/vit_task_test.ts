import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { options, someBatches, someImages, vit, vitOptions } from "./testing.ts";
import { vitParameters } from "../models/vit/parameters.ts";
import type { TrainOptions } from "./options.ts";
import { vitTask } from "./vit_task.ts";

const task = (changes: Partial<TrainOptions> = {}, model = vit) =>
  vitTask(model, { ...options, ...vitOptions, model, ...changes });

/** An odd number of pixels in all. */
const odd = { ...vit, image: 5, patch: 5 };

Deno.test("vitTask() packs a batch into tensors of its size, and counts every label", () => {
  const [{ images, labels }] = someImages(1);
  const { contents, valid } = task().pack({ images, labels });
  assertEquals(contents.map(([{ name, rows, cols, dtype }]) => [name, rows, cols, dtype]), [
    ["images", 5, 192, "u8"],
    ["labels", 5, 1, "u32"],
  ]);
  assertEquals(contents.map(([, data]) => data), [images, labels]);
  assertEquals(valid, 5);
  const floats = { images: Float32Array.from(images), labels };
  assertEquals(task({ pixels: "f32" }).pack(floats).contents[0][1], floats.images);
});

Deno.test("vitTask() gives the queue whole words of bytes, however many pixels there are", () => {
  const images = Uint8Array.from({ length: 5 * 75 }, (_, i) => i);
  const { contents: [[tensor, data]] } = task({}, odd).pack({ images, labels: new Int32Array(5) });
  assertEquals(data.byteLength % 4, 0);
  assert(data.byteLength <= tensor.home!.store.bytes);
  assertEquals(new Uint8Array(data.buffer, data.byteOffset, images.length), images);
});

Deno.test("vitTask() refuses tokens, labels that are no class, and batches of another size", () => {
  const [{ images, labels }] = someImages(1);
  assertThrows(() => task().pack(someBatches(1)[0]), UserError, 'Model "tiny-vit" looks at images');
  for (const label of [4, -1, -100]) {
    assertThrows(
      () => task().pack({ images, labels: labels.with(1, label) }),
      UserError,
      `Label ${label} is outside the 4 classes of model "tiny-vit"`,
    );
  }
  assertThrows(() => task({ batch: 4 }).pack({ images, labels }), RangeError, "5 images in 960 bytes");
  assertThrows(() => task({ pixels: "f32" }).pack({ images, labels }), RangeError, "is not 3840");
});

Deno.test("vitTask() trains timm's parameters, and decays weight matrices alone unless told otherwise", () => {
  const { parameters } = task();
  assertEquals(parameters, vitParameters(vit, "matrices"));
  for (const { name, rows, cols, shape, decayed } of parameters) {
    assertEquals(rows * cols, shape.reduce((a, b) => a * b), name);
    // timm spares vectors, positions and the class token.
    assertEquals(decayed, name.endsWith(".weight") && !name.includes("norm"), name);
  }
  assert(task({ decay: "all" }).parameters.every(({ decayed }) => decayed));
});
