import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { evenParts, ownValues, partOf, refuseIdleRanks } from "./share.ts";

Deno.test("partOf() gives each rank a part, as equal as can be, in order and without gaps", () => {
  for (const [whole, counts] of [[37, [10, 9, 9, 9]], [4, [1, 1, 1, 1]], [6, [2, 2, 1, 1]]] as const) {
    const parts = counts.map((_, rank) => partOf(whole, { rank, size: 4 }));
    assertEquals(parts.map(({ count }) => count), [...counts]);
    parts.forEach(({ first }, i) => assertEquals(first, i ? parts[i - 1].first + parts[i - 1].count : 0));
  }
});

Deno.test("evenParts() are of one length, together all, and overlap where that does not divide it", () => {
  const [eight, six, one] = [[8, [0, 2, 4, 6], 2], [6, [0, 2, 4, 4], 2], [1, [0, 0, 0, 0], 1]] as const;
  for (const [whole, firsts, count] of [eight, six, one]) {
    assertEquals(evenParts(whole, 4), firsts.map((first) => ({ first, count })));
  }
});

Deno.test("ownValues() are whole sequences, or of each sequence a part", () => {
  const values = Int32Array.from({ length: 15 }, (_, i) => i); // three sequences of five
  const own = (
    over: "batch" | "sequence",
    rank: number,
  ) => [...ownValues(values, 3, { over, rank, size: 2 })];
  assertEquals(own("batch", 0), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(own("batch", 1), [10, 11, 12, 13, 14]);
  assertEquals(own("sequence", 0), [0, 1, 2, 5, 6, 7, 10, 11, 12]);
  assertEquals(own("sequence", 1), [3, 4, 8, 9, 13, 14]);
  assertEquals(ownValues(values, 3), values);
});

Deno.test("Ranks without work are refused", () => {
  const shape = { batch: 2, sequence: 3 };
  refuseIdleRanks(shape, { over: "batch", rank: 0, size: 2 });
  refuseIdleRanks(shape, { over: "sequence", rank: 0, size: 3 });
  assertThrows(
    () => refuseIdleRanks(shape, { over: "batch", rank: 0, size: 3 }),
    UserError,
    "3 ranks cannot share 2 sequences of a batch; take at most 2",
  );
  assertThrows(
    () => refuseIdleRanks(shape, { over: "sequence", rank: 0, size: 4 }),
    UserError,
    "4 ranks cannot share 3 tokens of a sequence; take at most 3",
  );
});
