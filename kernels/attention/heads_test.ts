import { assertEquals } from "@std/assert";
import { gpuTest, narrowLimits, normals, runTest } from "../testing/testing.ts";
import { putHeads, takeHeads } from "./heads.ts";

/** Five heads of three channels in rows that are padded. */
const [rows, heads, headSize] = [137, 5, 3];
const cols = heads * headSize;
const values = normals(rows * cols, 1);

/** Heads of dense rows, side by side. */
const taken = (x: ArrayLike<number>, width: number, which: readonly number[]) =>
  Float64Array.from(
    { length: rows * which.length * headSize },
    (_, i) => {
      const [row, column] = [Math.floor(i / (which.length * headSize)), i % (which.length * headSize)];
      return x[row * width + which[Math.floor(column / headSize)] * headSize + column % headSize];
    },
  );

for (
  const [where, options] of [["", {}], [" over windows of rows", { limits: narrowLimits(64 * 64) }]] as const
) {
  gpuTest(`takeHeads() takes heads in any order, and one several times${where}`, async () => {
    const which = [4, 0, 4];
    await runTest(
      (t) => {
        const block = t.output("block", rows, which.length * headSize);
        takeHeads(t.builder, t.input("x", rows, cols, values), { tensor: block, heads: which }, headSize);
        return block;
      },
      async (block, read) => assertEquals(await read(block), taken(values, cols, which)),
      options,
    );
  });

  gpuTest(`putHeads() gives each head the sum of all that are it, in their order${where}`, async () => {
    const parts = [[3, 1], [0, 1, 2, 1], [4]];
    const blocks = parts.map((which, i) => normals(rows * which.length * headSize, i));
    await runTest((t) => {
      const x = t.output("x", rows, cols);
      const inputs = parts.map((which, i) => ({
        tensor: t.input(`block ${i}`, rows, which.length * headSize, blocks[i]),
        heads: which,
      }));
      putHeads(t.builder, inputs, x, headSize);
      return x;
    }, async (x, read) => {
      const expected = new Float64Array(rows * cols);
      for (const [i, which] of parts.entries()) {
        which.forEach((head, slot) => {
          const own = taken(blocks[i], which.length * headSize, [slot]);
          own.forEach((value, at) => {
            const to = Math.floor(at / headSize) * cols + head * headSize + at % headSize;
            expected[to] = Math.fround(expected[to] + value);
          });
        });
      }
      assertEquals(await read(x), expected);
    }, options);
  });
}
