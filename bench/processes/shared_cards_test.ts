import { assertEquals } from "@std/assert";
import { sharedCards } from "./shared_cards.ts";

Deno.test("sharedCards() tells of ranks that share a card of one host, and of no others", () => {
  const [one, two] = ["a", "b"].map((host) => (card: string | null) => ({ host, card }));
  assertEquals(sharedCards(undefined), []);
  assertEquals(sharedCards([one("GPU-1"), one("GPU-2"), two("GPU-1")]), []);
  assertEquals(sharedCards([one(null), one(null)]), []);
  assertEquals(sharedCards([one("GPU-1"), two("GPU-1"), one("GPU-1"), one("GPU-1"), two("GPU-1")]), [
    "Ranks 0, 2 and 3 share one card of a: give each its own, as docs/ranks.md says",
    "Ranks 1 and 4 share one card of b: give each its own, as docs/ranks.md says",
  ]);
});
