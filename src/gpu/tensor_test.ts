import { assertEquals, assertThrows } from "@std/assert";
import { type Dtype, padded, rowBytes, type Tensor, tensorBytes, vectorsOf } from "./tensor.ts";

function tensor(dtype: Dtype, cols: number, { rows = 1, stride = padded(cols) } = {}): Tensor {
  return { name: "x", dtype, rows, cols, stride, category: "transient" };
}

Deno.test("padded() rounds columns up to whole vectors of four", () => {
  assertEquals([0, 1, 3, 4, 5, 60, 61].map(padded), [0, 4, 4, 4, 8, 60, 64]);
});

Deno.test("rowBytes() follows the bits of an element, and codes smaller than a byte fill whole words", () => {
  const bytes = (dtype: Dtype) => [4, 8, 12, 16, 20, 64].map((cols) => rowBytes(tensor(dtype, cols)));
  assertEquals(bytes("f32"), [16, 32, 48, 64, 80, 256]);
  assertEquals(bytes("u32"), bytes("f32"));
  assertEquals(bytes("f16"), [8, 16, 24, 32, 40, 128]);
  assertEquals(bytes("u8"), [4, 8, 12, 16, 20, 64]);
  assertEquals(bytes("u4"), [4, 4, 8, 8, 12, 32]);
  assertEquals(bytes("u2"), [4, 4, 4, 4, 8, 16]);
});

Deno.test("tensorBytes() counts rows with their padding, and ends with a whole word", () => {
  assertEquals(tensorBytes(tensor("f32", 5, { rows: 3 })), 3 * 8 * 4);
  assertEquals(tensorBytes(tensor("u4", 20, { rows: 3 })), 3 * 12);
  assertEquals(tensorBytes(tensor("u2", 20, { rows: 3 })), 3 * 8);
  // Images are bytes without padding: rows that end within a word.
  assertEquals(tensorBytes(tensor("u8", 75, { rows: 3, stride: 75 })), 228);
});

Deno.test("vectorsOf() are numbers of a tensor where they are, at home or in the plan", () => {
  const bf16 = tensor("bf16", 30, { rows: 40 }); // 40 rows of 32
  const store = { name: "home", category: "parameters", bytes: 4096 } as const;
  const own = vectorsOf({ ...bf16, home: { store, offset: 512 } }, 256, 128);
  assertEquals([own.rows, own.cols, tensorBytes(own), own.home!.offset], [32, 4, 256, 512 + 512]);
  const planned = vectorsOf(bf16, 256, 128);
  assertEquals(planned.view!.of, bf16);
  assertEquals(planned.view!.firstRow * rowBytes(planned), 512);
  const all = vectorsOf(bf16, 0, 40 * 32);
  assertEquals([all.view!.of, tensorBytes(all)], [bf16, tensorBytes(bf16)]);
  assertThrows(() => vectorsOf(bf16, 4, 128), RangeError, "cannot be bound");
  assertThrows(() => vectorsOf(bf16, 256, 40 * 32), RangeError, "has no rows");
});
