import { assertEquals } from "@std/assert";
import { headsOf } from "./heads.ts";

const all = (size: number, shape: { heads: number; keyHeads?: number }) =>
  Array.from({ length: size }, (_, rank) => headsOf({ rank, size }, shape)).map(({ first, count, keys }) => [
    first,
    count,
    [...keys],
  ]);

Deno.test("headsOf() gives neighbouring heads, and the keys that they read", () => {
  assertEquals(all(2, { heads: 3 }), [[0, 2, [0, 1]], [2, 1, [2]]]);
  assertEquals(all(2, { heads: 8, keyHeads: 4 }), [[0, 4, [0, 1]], [4, 4, [2, 3]]]);
});

Deno.test("headsOf() sends a key head to every rank that reads it", () => {
  assertEquals(all(4, { heads: 6, keyHeads: 3 }), [[0, 2, [0]], [2, 2, [1]], [4, 1, [2]], [5, 1, [2]]]);
});

Deno.test("headsOf() repeats key heads where a rank's heads read them unequally often", () => {
  assertEquals(all(2, { heads: 6, keyHeads: 3 }), [[0, 3, [0, 0, 1]], [3, 3, [1, 2, 2]]]);
});

Deno.test("headsOf() leaves ranks without heads where there are more ranks", () => {
  assertEquals(all(3, { heads: 2 }), [[0, 1, [0]], [1, 1, [1]], [2, 0, []]]);
});
