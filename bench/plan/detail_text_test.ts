import { assertEquals } from "@std/assert";
import type { Category } from "../../src/memory/category.ts";
import { toldTensors } from "./detail_text.ts";

/** Tensors of so many bytes, all but the last saved ones. */
const tensors = (sizes: readonly number[], last: Category = "saved") =>
  sizes.map((bytes, i) => ({
    ...{ name: `${i}`, shape: [1, bytes] as [number, number], dtype: "f32", blocks: [], count: 1, bytes },
    category: i === sizes.length - 1 ? last : "saved" as const,
  }));

Deno.test("toldTensors() are ten, or more until nine tenths of the peak are told or something of every category", () => {
  const count = (sizes: readonly number[], last?: Category) =>
    toldTensors(tensors(sizes, last), sizes.reduce((sum, size) => sum + size, 0)).length;
  const equal = (number: number) => Array<number>(number).fill(64);
  assertEquals(count(equal(4)), 4);
  assertEquals(count([...equal(10), 1, 1], "head"), 10);
  assertEquals(count(equal(40)), 10); // one category, which is told
  assertEquals(count(equal(40), "head"), 36);
  assertEquals(count([...equal(12), ...Array(30).fill(16)], "head"), 35); // 768 + 23 · 16 of 1248
});
