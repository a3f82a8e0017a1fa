import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { keyOf } from "../results/results.ts";
import { fakeConfiguration } from "../results/testing.ts";
import { cellsOfShard, cellsToRun } from "./shards.ts";

const sizes = [[16, 1], [16, 2], [32, 1], [32, 2], [64, 1]];
const cellsOf = (all: number[][]) =>
  all.flatMap(([sequence, batch]) =>
    [0, 1].flatMap((round) =>
      ["exact", "mesa8"].map((policy) => fakeConfiguration({ sequence, batch, policy, round }))
    )
  );
const cells = cellsOf(sizes);

Deno.test("cellsOfShard() parts a sweep: every cell is in one shard, and a comparison is not torn", () => {
  for (const parts of [1, 2, 3, 5]) {
    const shards = Array.from(
      { length: parts },
      (_, i) => cellsOfShard(cells, { index: i + 1, of: parts }),
    );
    assertEquals(shards.flat().map(keyOf).sort(), cells.map(keyOf).sort());
    const counts = shards.map((shard) =>
      new Set(shard.map(({ sequence, batch }) => `${sequence} ${batch}`)).size
    );
    assertEquals(shards.map(({ length }) => length), counts.map((count) => 4 * count));
    assertEquals(Math.max(...counts) - Math.min(...counts) <= 1, true);
  }
});

Deno.test("cellsOfShard() does not go by the order of the plan, nor by variants", () => {
  const names = (shard: typeof cells) => shard.map((cell) => keyOf({ ...cell, variants: undefined })).sort();
  const other = cellsOf(sizes.toReversed()).map((cell) => ({ ...cell, variants: { product: "tiled" } }));
  for (const index of [1, 2, 3]) {
    assertEquals(names(cellsOfShard(other, { index, of: 3 })), names(cellsOfShard(cells, { index, of: 3 })));
  }
});

Deno.test("cellsOfShard() deals out numbers of ranks, each with all its policies", () => {
  const onRanks = [undefined, 2, 4].flatMap((ranks) =>
    ["exact", "mst8"].map((policy) => fakeConfiguration({ policy, ...ranks && { ranks } }))
  );
  const shards = [1, 2, 3].map((index) => cellsOfShard(onRanks, { index, of: 3 }));
  assertEquals(shards.map((shard) => new Set(shard.map(({ ranks }) => ranks)).size), [1, 1, 1]);
  assertEquals(shards.map(({ length }) => length), [2, 2, 2]);
});

Deno.test("cellsOfShard() refuses more shards than there are comparisons", () => {
  assertThrows(() => cellsOfShard(cells, { index: 1, of: 6 }), UserError, "The sweep has 5 of");
});

Deno.test("cellsOfShard() deals out the seeds of a single comparison, each with all its policies", () => {
  const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
  const one = seeds.flatMap((seed) =>
    ["exact", "mesa8"].map((policy) => fakeConfiguration({ policy, seed, round: seed - 1 }))
  );
  const shards = [1, 2, 3, 4, 5].map((index) => cellsOfShard(one, { index, of: 5 }));
  assertEquals(shards.flat().map(keyOf).sort(), one.map(keyOf).sort());
  assertEquals(shards.map(({ length }) => length).sort(), [4, 4, 4, 6, 6]);
  for (const shard of shards) {
    for (const { seed } of shard) assertEquals(shard.filter((cell) => cell.seed === seed).length, 2);
  }
});

Deno.test("cellsToRun() takes the whole plan where no shard is told", () => {
  assertEquals(cellsToRun({ cells }), cells);
  assertEquals(cellsToRun({ cells, shard: { index: 2, of: 3 } }), cellsOfShard(cells, { index: 2, of: 3 }));
});
