import { assertEquals } from "@std/assert";
import { plain } from "../src/gpu/operand.ts";
import { columnSums, columnTiles } from "./column_sums.ts";
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
    await check({ rows: 301, cols: 101 }, accumulate);
  }
});

gpuTest("columnSums() of many rows adds chunks of rows first", async () => {
  await check({ rows: 600, cols: 101 }, false);
  await check({ rows: 600, cols: 101 }, true);
});

gpuTest("columnSums() of wide matrices reads tiles of 64 vectors", async () => {
  const shape = { rows: 520, cols: 13501 };
  assertEquals(columnTiles(shape.rows, 13504 / 4), { lanes: 64, chunk: 128 });
  await check(shape, false);
  await check({ rows: 37, cols: 67590 }, true);
});

Deno.test("columnTiles() takes wide tiles and long chunks where workgroups enough remain", () => {
  assertEquals(columnTiles(131072, 256), { lanes: 64, chunk: 512 });
  assertEquals(columnTiles(65536, 256), { lanes: 64, chunk: 256 });
  assertEquals(columnTiles(16384, 192), { lanes: 64, chunk: 128 });
  assertEquals(columnTiles(25216, 48), { lanes: 16, chunk: 128 });
  assertEquals(columnTiles(1000, 192), { lanes: 16, chunk: 128 });
});

gpuTest("columnSums() over windows of rows equals the reference", async () => {
  const limits = narrowLimits(200 * 104 * 4);
  await check({ rows: 600, cols: 101 }, true, { limits });
  await check({ rows: 300, cols: 101 }, false, { limits });
});
