import { assert, assertEquals } from "@std/assert";
import { patchEmbeddingBackward, patchEmbeddingStart, patches } from "./patch_embedding_reference.ts";
import {
  centralDifferences,
  dot,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

Deno.test("patches() cuts each channel into squares behind a row of zeros", () => {
  // Pixel value = 100·channel + 10·y + x, of 4×4 pixels in patches of 2.
  const images = Float32Array.from({ length: 48 }, (_, i) => {
    return 100 * Math.floor(i / 16) + 10 * (Math.floor(i / 4) % 4) + i % 4;
  });
  const out = patches(images, { batch: 1, image: 4, patch: 2 });
  assertEquals(out.length, 5 * 12);
  assertEquals([...out.slice(0, 12)], new Array(12).fill(0));
  assertEquals([...out.slice(24, 36)], [2, 3, 12, 13, 102, 103, 112, 113, 202, 203, 212, 213]);
  assertEquals([...out.slice(36, 40)], [20, 21, 30, 31]);
});

Deno.test("patches() reads bytes as numbers from -1 to 1", () => {
  const out = patches(Uint8Array.of(0, 255, 51), { batch: 1, image: 1, patch: 1 });
  assertEquals([...out], [0, 0, 0, -1, 1, -0.6]);
});

Deno.test("patchEmbeddingBackward() equals central differences", () => {
  const [batch, tokens, cols] = [2, 5, 3];
  const [positions, classToken, bias] = [tokens * cols, cols, cols].map((n, i) => seededValues(n, i + 1));
  const dx = seededValues(batch * tokens * cols, 4);
  const loss = () => dot(patchEmbeddingStart(positions, classToken, bias, batch), dx);
  const gradient = (x: Float64Array) => centralDifferences(loss, x);
  const { dClassToken, dBias } = patchEmbeddingBackward(gradient(positions), cols);
  assert(relativeError(dClassToken, gradient(classToken)) < finiteDifferenceTolerance);
  assert(relativeError(dBias, gradient(bias)) < finiteDifferenceTolerance);
});
