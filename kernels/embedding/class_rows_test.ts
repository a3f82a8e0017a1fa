import { assertEquals } from "@std/assert";
import { spreadRows, takeRows } from "./class_rows.ts";
import { gpuTest, narrowLimits, normals, runTest } from "../testing/testing.ts";

/** Ragged; every row; and three windows of whole images. */
const cases = [
  { batch: 7, every: 5, cols: 61, options: {} },
  { batch: 3, every: 1, cols: 3, options: {} },
  { batch: 150, every: 5, cols: 60, options: { limits: narrowLimits(320 * 60 * 4) } },
];

gpuTest("takeRows() copies every n-th row to the bit", async () => {
  for (const { batch, every, cols, options } of cases) {
    const x = normals(batch * every * cols, 1);
    await runTest((t) => {
      const out = t.output("out", batch, cols);
      takeRows(t.builder, t.input("x", batch * every, cols, x), out, every);
      return out;
    }, async (out, read) => {
      assertEquals(await read(out), x.filter((_, i) => Math.floor(i / cols) % every === 0));
    }, options);
  }
});

gpuTest("spreadRows() writes every n-th row, and zeros between", async () => {
  for (const { batch, every, cols, options } of cases) {
    const d = normals(batch * cols, 2);
    const expected = new Float64Array(batch * every * cols);
    d.forEach((value, i) => expected[Math.floor(i / cols) * every * cols + i % cols] = value);
    await runTest(
      (t) => {
        const dx = t.output("dx", batch * every, cols);
        spreadRows(t.builder, t.input("d", batch, cols, d), dx, every);
        return dx;
      },
      async (dx, read) => assertEquals(await read(dx), expected),
      options,
    );
  }
});
