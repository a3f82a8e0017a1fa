import { assertEquals } from "@std/assert";
import { categories } from "./category.ts";
import { liveByCategory, livePeak } from "./live.ts";

Deno.test("liveByCategory() has, at each dispatch, what stands and what is claimed there, both ends included", () => {
  const claims = [
    { category: "saved", bytes: 10, first: 0, last: 2 },
    { category: "saved", bytes: 5, first: 2, last: 2 },
    { category: "transient", bytes: 7, first: 1, last: 1 },
  ] as const;
  const standing = [{ category: "parameters", bytes: 100 }, { category: "transient", bytes: 1 }] as const;
  const live = liveByCategory(claims, standing, 4);
  assertEquals([...live.parameters], [100, 100, 100, 100]);
  assertEquals([...live.saved], [10, 10, 15, 0]);
  assertEquals([...live.transient], [1, 8, 1, 1]);
  assertEquals([...live.head], [0, 0, 0, 0]);
  const total = (at: number) => categories.reduce((sum, category) => sum + live[category][at], 0);
  const { at, bytes } = livePeak(claims);
  assertEquals([at, total(at)], [1, bytes + 101]);
  const twice = [...claims, { category: "transient", bytes: 2, first: 2, last: 3 }] as const;
  assertEquals(livePeak(twice), { at: 1, bytes: 17 }, "of two peaks the first");
});
