import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bounds, largestWhere } from "./largest.ts";

/** What is found of the numbers up to a limit, and what was asked on the way. */
async function search(limit: number, bounds: Bounds = {}) {
  const asked: number[] = [];
  const largest = await largestWhere((size) => {
    asked.push(size);
    return size <= limit;
  }, bounds);
  return { largest, asked };
}

Deno.test("largestWhere() finds every limit, neither one less nor one more", async () => {
  for (let limit = 1; limit <= 300; limit++) assertEquals((await search(limit)).largest, limit);
  for (const limit of [2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 131_071, 999_983]) {
    assertEquals((await search(limit)).largest, limit);
  }
});

Deno.test("largestWhere() stays within its bounds, and finds what lies on them", async () => {
  for (let least = 1; least <= 9; least++) {
    for (let most = least; most <= 40; most++) {
      for (let limit = 0; limit <= 45; limit++) {
        const { largest, asked } = await search(limit, { least, most });
        assertEquals(largest, limit < least ? undefined : Math.min(limit, most));
        assert(asked.every((size) => size >= least && size <= most));
      }
    }
  }
  assertEquals(await search(Infinity, { most: 1 }), { largest: 1, asked: [1] });
});

Deno.test("largestWhere() asks few questions, and none twice", async () => {
  for (const limit of [1, 2, 100, 61_440, 1_000_000]) {
    const { asked } = await search(limit);
    assert(asked.length <= 2 * Math.ceil(Math.log2(limit + 1)) + 1, `${asked.length} for ${limit}`);
    assertEquals(new Set(asked).size, asked.length);
  }
});

Deno.test("largestWhere() ends, of a predicate that comes and goes, at a number that holds and whose successor does not", async () => {
  const holds = (size: number) => size < 37 || (size > 40 && size < 51);
  const largest = await largestWhere(holds) as number;
  assert(holds(largest) && !holds(largest + 1));
});

Deno.test("largestWhere() refuses bounds that hold no number", async () => {
  await assertRejects(() => largestWhere(() => true, { least: 3, most: 2 }), RangeError);
  await assertRejects(() => largestWhere(() => true, { least: 0 }), RangeError);
});

Deno.test("largestWhere() finds the same wherever it is told to look first, and sooner where that is near", async () => {
  for (const limit of [0, 1, 2, 7, 100, 1000]) {
    for (const near of [-5, 0, 1, 2, 50, 99, 100, 101, 5000]) {
      const { largest, asked } = await search(limit, { near, most: 900 });
      assertEquals(largest, limit < 1 ? undefined : Math.min(limit, 900), `${limit} from ${near}`);
      assert(asked.every((size) => size >= 1 && size <= 900));
    }
  }
  const questions = async (near: number) => (await search(1_000_000, { near })).asked.length;
  assertEquals([await questions(1_000_000), await questions(1_000_001)], [2, 2]);
  assert(await questions(1_000_010) <= 8 && await questions(999_990) <= 8);
});
