import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { parseIdx } from "./idx.ts";
import { idx } from "./testing.ts";

const message = (bytes: Uint8Array<ArrayBuffer>, dimensions = 3) =>
  assertThrows(() => parseIdx(bytes, dimensions, "some file"), UserError).message;

Deno.test("parseIdx() reads the sizes, big end first, and the elements after them", () => {
  const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 1, 2, ...Array(516).fill(7));
  const { shape, values } = parseIdx(bytes, 2, "some file");
  assertEquals([shape, values.length, values[515]], [[2, 258], 516, 7]);
  assertEquals(parseIdx(idx([3], [5, 6, 7]), 1, "some file").values, Uint8Array.of(5, 6, 7));
});

Deno.test("parseIdx() refuses another magic number: other elements, other dimensions, no IDX", () => {
  const good = idx([1, 2, 2], [1, 2, 3, 4]);
  assertEquals(parseIdx(good, 3, "some file").shape, [1, 2, 2]);
  const told = (at: number, value: number) => message(good.with(at, value) as Uint8Array<ArrayBuffer>);
  const ending = "not 00 00 08 03 as IDX does: it is truncated or of another format; copy it again";
  assertEquals(told(0, 31), `some file begins with 1f 00 08 03, ${ending}`);
  assertEquals(told(1, 139), `some file begins with 00 8b 08 03, ${ending}`);
  assertEquals(told(2, 13), `some file begins with 00 00 0d 03, ${ending}`);
  assertEquals(told(3, 1), `some file begins with 00 00 08 01, ${ending}`);
});

Deno.test("parseIdx() refuses a file that is cut short, or goes on", () => {
  const good = idx([1, 2, 2], [1, 2, 3, 4]);
  const ending = "it is truncated or of another format; copy it again";
  assertEquals(
    message(good.slice(0, 19)),
    `some file holds 3 bytes where its header says 1 × 2 × 2: ${ending}`,
  );
  assertEquals(
    message(idx([1, 2, 2], [1, 2, 3, 4, 5])),
    `some file holds 5 bytes where its header says 1 × 2 × 2: ${ending}`,
  );
  for (const length of [0, 3, 15]) {
    assertEquals(
      message(good.slice(0, length)),
      `some file has ${length} bytes of an IDX header of 16: ${ending}`,
    );
  }
});
