import { assertAlmostEquals, assertEquals } from "@std/assert";
import { bilinear } from "./resize.ts";

function resized(source: number[], from: number, to: number): number[] {
  const out = new Uint8Array(to * to + 2).fill(99);
  bilinear(from, to)(Uint8Array.from(source), out, 1);
  assertEquals([out[0], out.at(-1)], [99, 99]);
  return [...out.subarray(1, -1)];
}

Deno.test("bilinear() keeps a channel of the same size, and an even one of any", () => {
  const source = Array.from({ length: 49 }, (_, i) => (i * 83) % 256);
  assertEquals(resized(source, 7, 7), source);
  for (const size of [1, 3, 7, 20]) {
    assertEquals(resized(source.fill(255), 7, size), Array(size ** 2).fill(255));
  }
});

Deno.test("bilinear() doubles by quarters and three quarters, and repeats the edge", () => {
  // deno-fmt-ignore
  assertEquals(resized([0, 100, 40, 80], 2, 4), [
     0, 25, 75, 100, // x first: [0, 25, 75, 100] above, [40, 50, 70, 80] below
    10, 31, 74, 95,
    30, 44, 71, 85,
    40, 50, 70, 80,
  ]);
});

Deno.test("bilinear() halves by means of four", () => {
  assertEquals(resized([0, 4, 8, 8, 4, 8, 8, 9, 255, 255, 0, 1, 255, 255, 2, 3], 4, 2), [4, 8, 255, 2]);
});

Deno.test("bilinear() gives a plane at its half-pixel centres, for sizes that do not divide each other", () => {
  const [from, to] = [32, 224 / 4 + 1];
  const plane = (place: number) => 20 + 6 * place;
  const out = resized(Array.from({ length: from * from }, (_, i) => plane(i % from)), from, to);
  for (let x = 1; x < to - 1; x++) {
    const place = (x + 0.5) * from / to - 0.5;
    assertAlmostEquals(out[5 * to + x], plane(Math.min(31, Math.max(0, place))), 0.5);
  }
});
