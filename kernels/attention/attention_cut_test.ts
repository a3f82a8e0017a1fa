import { assert, assertEquals } from "@std/assert";
import { cutBlocks, headsAbreast } from "./attention_cut.ts";

Deno.test("cutBlocks() takes every block once, and counts the pairs of query and key that are seen", () => {
  const [sequence, blockRows] = [37, 8];
  for (const causal of [true, false]) {
    for (const own of ["queries", "keys"] as const) {
      for (const most of [0, 150, 300, Infinity]) {
        let next = 0;
        for (const { first, blocks, pairs } of cutBlocks(own, { sequence, causal }, blockRows, most)) {
          assertEquals(first, next);
          assert(blocks === 1 || pairs <= most, `${pairs} pairs of ${blocks} blocks exceed ${most}`);
          next = first + blocks;
          let seen = 0;
          for (let row = first * blockRows; row < Math.min(next * blockRows, sequence); row++) {
            for (let other = 0; other < sequence; other++) {
              const [query, key] = own === "queries" ? [row, other] : [other, row];
              if (!causal || key <= query) seen++;
            }
          }
          assertEquals(pairs, seen, `${own} from block ${first} to ${next}${causal ? ", causal" : ""}`);
        }
        assertEquals(next, 5);
      }
    }
  }
});

Deno.test("cutBlocks() cuts as little as the limit allows, and finest where a row takes longest", () => {
  const blocksOf = (own: "queries" | "keys", causal: boolean, most: number, mostBlocks?: number) =>
    cutBlocks(own, { sequence: 64, causal }, 8, most, mostBlocks).map(({ blocks }) => blocks);
  assertEquals(blocksOf("queries", true, Infinity), [8]);
  assertEquals(blocksOf("queries", false, 3 * 8 * 64), [3, 3, 2]);
  assertEquals(blocksOf("queries", true, 820), [5, 2, 1]); // 820 pairs of 40 rows, 776 of the next 16
  assertEquals(blocksOf("keys", true, 820), [1, 2, 5]);
  assertEquals(blocksOf("keys", true, 1), Array(8).fill(1));
  assertEquals(blocksOf("queries", true, Infinity, 3), [3, 3, 2]);
  assertEquals(blocksOf("queries", true, 820, 3), [3, 2, 2, 1]);
  assertEquals(blocksOf("keys", true, 820, 2), [1, 2, 2, 2, 1]);
});

Deno.test("headsAbreast() lets as many heads go abreast as have 1024 blocks that differ, in turns as equal as can be, and stay in a cache", () => {
  const of = (heads: number, blocks: number, bytes = 1) =>
    headsAbreast({ causal: true }, heads, blocks, bytes);
  assertEquals(of(192, 16, 1024 * 64 * 8), 64); // small at 16 × 1024 in blocks of 64: three turns
  assertEquals(of(191, 17), 64);
  assertEquals([of(32, 256), of(32, 256, 16384 * 128 * 8), of(32, 256, 16384 * 128 * 4)], [4, 2, 4]);
  assertEquals(of(8, 4), 8);
  assertEquals([of(2, 100_000), of(32, 960, 61440 * 128 * 8)], [1, 1]);
  assertEquals(headsAbreast({ causal: false }, 192, 16, 1), 1);
});
