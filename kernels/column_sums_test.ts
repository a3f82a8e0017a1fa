import { plain } from "../src/gpu/operand.ts";
import { columnSums } from "./column_sums.ts";
import { assertClose, gpuTest, narrowLimits, normals, runTest, tolerance } from "./testing.ts";

async function check(
  { rows, cols }: { rows: number; cols: number },
  accumulate: boolean,
  options = {},
): Promise<void> {
  const v = normals(rows * cols, 1);
  const before = normals(cols, 2, accumulate ? 1 : 0);
  const expected = before.slice();
  v.forEach((value, i) => expected[i % cols] += value);
  await runTest(
    (t) => {
      const out = accumulate ? t.input("out", 1, cols, before) : t.output("out", 1, cols);
      columnSums(t.builder, plain(t.input("v", rows, cols, v)), out, accumulate);
      return out;
    },
    async (out, read) => assertClose(await read(out), expected, tolerance(rows), `${rows}×${cols}`),
    options,
  );
}

gpuTest("columnSums() equals the reference on ragged shapes, written and added", async () => {
  for (const accumulate of [false, true]) {
    await check({ rows: 37, cols: 101 }, accumulate);
    await check({ rows: 1, cols: 3 }, accumulate);
  }
});

gpuTest("columnSums() of many rows adds chunks of rows first", async () => {
  await check({ rows: 600, cols: 101 }, false);
  await check({ rows: 600, cols: 101 }, true);
});

gpuTest("columnSums() over windows of rows equals the reference", async () => {
  const limits = narrowLimits(200 * 104 * 4);
  await check({ rows: 600, cols: 101 }, true, { limits });
  await check({ rows: 300, cols: 101 }, false, { limits });
});
