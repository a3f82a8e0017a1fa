import { assertEquals } from "@std/assert";
import { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { DeviceLimits } from "../../src/gpu/limits.ts";
import { bindingBytes } from "../../src/gpu/kernel.ts";
import { plain } from "../../src/gpu/operand.ts";
import { padded, type Store, type Tensor } from "../../src/gpu/tensor.ts";
import { columnSums, columnSumsWithProduct, columnTiles } from "./column_sums.ts";
import { materialize } from "./materialize.ts";
import { assertClose, gpuTest, narrowLimits, normals, runTest, tolerance } from "../testing/testing.ts";

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

/** How two rows of `bytes` bytes lie in one store, which ends with the last of them; other numbers lie before and between. */
const layouts = {
  adjoining: (bytes: number) => [256, 256 + bytes],
  apart: (bytes: number) => [256, 512 + Math.ceil(bytes / 256) * 256],
  reversed: (bytes: number) => [512 + Math.ceil(bytes / 256) * 256, 256],
};

/** Sums of v ∘ w and of v into one store, of which nothing else may change, by the given number of dispatches. */
async function checkPair(
  { rows, cols }: { rows: number; cols: number },
  accumulate: boolean,
  dispatches: number,
  { layout = "apart", ...options }: { layout?: keyof typeof layouts; limits?: DeviceLimits } = {},
): Promise<void> {
  const [v, w] = [normals(rows * cols, 1), normals(rows * cols, 2)];
  const offsets = layouts[layout](4 * padded(cols));
  const floats = Math.max(...offsets) / 4 + padded(cols);
  const before = normals(floats, 3);
  const expected = before.slice();
  for (const offset of offsets) {
    before.fill(0, offset / 4 + cols, offset / 4 + padded(cols));
    expected.fill(0, offset / 4 + (accumulate ? cols : 0), offset / 4 + padded(cols));
  }
  v.forEach((value, i) => {
    expected[offsets[0] / 4 + i % cols] += value * w[i];
    expected[offsets[1] / 4 + i % cols] += value;
  });
  await runTest(
    (t) => {
      const store: Store = { name: "sums", category: "gradients", bytes: 4 * floats };
      const row = (cols: number, offset: number): Tensor => ({
        ...t.builder.tensor(`at ${offset}`, 1, cols, { category: "gradients" }),
        home: { store, offset },
      });
      const whole = row(floats, 0);
      materialize(t.builder, plain(t.input("before", 1, floats, before)), whole);
      const [ofProduct, ofV] = offsets.map((offset) => ({ out: row(cols, offset), accumulate }));
      const [left, right] = [t.input("v", rows, cols, v), t.input("w", rows, cols, w)].map(plain);
      columnSumsWithProduct(t.builder, left, right, ofProduct, ofV);
      return whole;
    },
    async (whole, read, { description }) => {
      assertEquals(description.dispatches.length - 1, dispatches);
      const actual = await read(whole);
      offsets.forEach((offset, i) => {
        const what = `${["product", "v"][i]} ${rows}×${cols} ${layout}`;
        const part = (values: Float64Array) => values.slice(offset / 4, offset / 4 + cols);
        assertClose(part(actual), part(expected), tolerance(rows + 1), what); // a product, then the additions
        for (const values of [actual, expected]) values.fill(0, offset / 4, offset / 4 + cols);
      });
      assertEquals(actual, expected, "numbers beside the sums");
    },
    options,
  );
}

gpuTest("columnSumsWithProduct() equals the reference on ragged shapes, written and added", async () => {
  for (const accumulate of [false, true]) {
    for (const cols of [3, 60, 101, 1030]) {
      for (const rows of [1, 37, 301]) await checkPair({ rows, cols }, accumulate, 1);
      await checkPair({ rows: 600, cols }, accumulate, 2);
    }
  }
});

gpuTest("columnSumsWithProduct() takes its targets together, however they lie in a store", async () => {
  for (const accumulate of [false, true]) {
    await checkPair({ rows: 37, cols: 128 }, accumulate, 1, { layout: "adjoining" });
    await checkPair({ rows: 600, cols: 128 }, accumulate, 2, { layout: "adjoining" });
    await checkPair({ rows: 37, cols: 101 }, accumulate, 1, { layout: "reversed" });
    await checkPair({ rows: 600, cols: 101 }, accumulate, 2, { layout: "reversed" });
  }
});

gpuTest("columnSumsWithProduct() over windows of rows equals the reference", async () => {
  const limits = narrowLimits(200 * 104 * 4);
  for (const accumulate of [false, true]) {
    await checkPair({ rows: 600, cols: 101 }, accumulate, 6, { limits });
    await checkPair({ rows: 300, cols: 101 }, accumulate, 4, { limits });
    await checkPair({ rows: 600, cols: 1030 }, accumulate, 6, { limits: narrowLimits(200 * 1032 * 4) });
  }
});

gpuTest("columnSumsWithProduct() of targets without a store equals the reference", async () => {
  const [rows, cols] = [37, 101];
  const [v, w] = [normals(rows * cols, 1), normals(rows * cols, 2)];
  const before = normals(cols, 3);
  const sums = [before.slice(), new Float64Array(cols)];
  v.forEach((value, i) => {
    sums[0][i % cols] += value * w[i];
    sums[1][i % cols] += value;
  });
  await runTest((t) => {
    const added = t.input("added", 1, cols, before);
    const written = t.output("written", 1, cols);
    const [left, right] = [t.input("v", rows, cols, v), t.input("w", rows, cols, w)].map(plain);
    const targets = [{ out: added, accumulate: true }, { out: written, accumulate: false }];
    columnSumsWithProduct(t.builder, left, right, targets[0], targets[1]);
    return [added, written];
  }, async (outs, read) => {
    for (const i of [0, 1]) assertClose(await read(outs[i]), sums[i], tolerance(rows + 1));
  });
});

Deno.test("columnSumsWithProduct() binds each of its targets alone, however far apart they lie", () => {
  const limits = narrowLimits(64 * 104 * 4);
  const builder = new ProgramBuilder("test", { limits, adapterClass: "gpu" });
  const store: Store = { name: "sums", category: "gradients", bytes: 2 ** 20 };
  const target = (offset: number) => ({
    out: { ...builder.tensor("sums", 1, 101, { category: "gradients" }), home: { store, offset } },
    accumulate: false,
  });
  const v = plain(builder.tensor("v", 37, 101, { category: "transient" }));
  columnSumsWithProduct(builder, v, v, target(0), target(2 ** 16));
  const [{ bindings }] = builder.build().dispatches;
  const written = bindings.filter(({ access }) => access === "write");
  assertEquals(written.map(bindingBytes), [104 * 4, 104 * 4]);
});
