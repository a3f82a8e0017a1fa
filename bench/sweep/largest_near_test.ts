import { assert, assertEquals } from "@std/assert";
import { largestNear } from "./largest_near.ts";

/** What is found from a guess, and what was asked on the way. */
async function search(limit: number, guess: number) {
  const asked: number[] = [];
  const largest = await largestNear(guess, (size) => {
    asked.push(size);
    return Promise.resolve(size <= limit);
  });
  return { largest, asked };
}

Deno.test("largestNear() finds every limit from every guess, and asks nothing twice", async () => {
  for (let limit = 0; limit <= 40; limit++) {
    for (let guess = 1; guess <= 60; guess++) {
      const { largest, asked } = await search(limit, guess);
      assertEquals(largest, limit === 0 ? undefined : limit, `${limit} from ${guess}`);
      assertEquals(new Set(asked).size, asked.length);
      assert(asked.every((size) => size >= 1));
    }
  }
});

Deno.test("largestNear() asks two questions where the guess is right, and few where it is near", async () => {
  assertEquals((await search(61_440, 61_440)).asked, [61_440, 61_441]);
  assertEquals((await search(61_440, 61_441)).asked, [61_441, 61_440]);
  assert((await search(61_440, 61_400)).asked.length <= 12);
  assert((await search(61_440, 61_500)).asked.length <= 14);
});
