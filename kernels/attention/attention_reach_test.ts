import { assert, assertEquals } from "@std/assert";
import { gpuWith, ProgramBuilder } from "../../src/gpu/builder.ts";
import { windowAlignment } from "../../src/gpu/limits.ts";
import { narrowLimits } from "../testing/testing.ts";
import { alignedRow, reaches, rowsAnywhere } from "./attention_reach.ts";

function reachesOf(batch: number, sequence: number, rowsBound: number) {
  const builder = new ProgramBuilder("test", gpuWith(narrowLimits(rowsBound * 12 * 4)));
  const tensors = [4, 12].map((cols) =>
    builder.tensor("x", batch * sequence, cols, { category: "transient" })
  );
  return { found: reaches(builder, tensors, sequence), anywhere: rowsAnywhere(builder, tensors) };
}

Deno.test("reaches() takes whole sequences together where they can be bound", () => {
  assertEquals(reachesOf(3, 37, 111).found, [
    { rows: { first: 0, rows: 111 }, start: 0, sequences: 3, whole: true },
  ]);
  assertEquals(reachesOf(3, 64, 130).found, [
    { rows: { first: 0, rows: 128 }, start: 0, sequences: 2, whole: true },
    { rows: { first: 128, rows: 64 }, start: 0, sequences: 1, whole: true },
  ]);
});

Deno.test("reaches() takes sequences that cannot be bound one by one, from rows on that can", () => {
  assertEquals(reachesOf(3, 100, 99).found, [
    { rows: { first: 0, rows: 100 }, start: 0, sequences: 1, whole: false },
    { rows: { first: 64, rows: 136 }, start: 36, sequences: 1, whole: false },
    { rows: { first: 192, rows: 108 }, start: 8, sequences: 1, whole: false },
  ]);
});

Deno.test("rowsAnywhere() can be bound wherever they begin", () => {
  const { anywhere } = reachesOf(3, 100, 99);
  assertEquals(anywhere, 99 - 63);
  for (let row = 0; row < 200; row++) {
    assertEquals(alignedRow(row) % windowAlignment, 0);
    assert(row + anywhere - alignedRow(row) <= 99 && row >= alignedRow(row));
  }
});
