import { assertEquals } from "@std/assert";
import { bytesOf, endOf, type Piece, runsOf, within } from "./pieces.ts";
import type { Tensor } from "./tensor.ts";

const tensor = (name: string): Tensor => ({
  ...{ name, dtype: "f32", rows: 64, cols: 4, stride: 4, category: "transient" },
});

/** Runs apart from one another, one piece without, and runs that follow at once. */
const pieces: readonly Piece[] = [
  { tensor: tensor("a"), offset: 8, bytes: 12, runs: 4, stride: 32 },
  { tensor: tensor("b"), offset: 16, bytes: 20 },
  { tensor: tensor("c"), offset: 0, bytes: 8, runs: 3, stride: 8 },
];
const total = 4 * 12 + 20 + 3 * 8;

const writtenOut = (of: readonly Piece[]) => of.flatMap((piece) => [...runsOf(piece)]);

Deno.test("runsOf() has the runs of a piece in their order, and bytesOf() and endOf() go by all of them", () => {
  assertEquals([...runsOf(pieces[0])].map(({ offset, bytes }) => [offset, bytes]), [
    [8, 12],
    [40, 12],
    [72, 12],
    [104, 12],
  ]);
  assertEquals(pieces.map(endOf), [116, 36, 24]);
  assertEquals(bytesOf(pieces), total);
  assertEquals(bytesOf(writtenOut(pieces)), total);
});

Deno.test("within() cuts pieces where it cuts their runs written out, and adds two pieces to each at the most", () => {
  for (let offset = 0; offset <= total; offset += 4) {
    for (let bytes = 4; bytes <= total + 4; bytes += 4) {
      const cut = within(pieces, offset, bytes);
      assertEquals(writtenOut(cut), writtenOut(within(writtenOut(pieces), offset, bytes)));
      assertEquals(bytesOf(cut), Math.min(bytes, total - offset));
      for (const { tensor } of pieces) {
        const parts = cut.filter((piece) => piece.tensor === tensor);
        assertEquals(parts.length <= 3, true, `${parts.length} pieces of ${tensor.name}`);
      }
    }
  }
});
