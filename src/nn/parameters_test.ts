import { assert, assertEquals, assertThrows } from "@std/assert";
import { tensorBytes } from "../gpu/tensor.ts";
import { ParameterSet, parameterShapes } from "./parameters.ts";

const { matrix, vector } = parameterShapes("matrices");
const shapes = [matrix("qkv", "a", 10, 30), vector("qkv", "b", 5), matrix("head", "c", 7, 64)];

Deno.test("ParameterSet puts decayed parameters first, each at a multiple of 256 bytes", () => {
  const set = new ParameterSet(shapes, { maxBufferSize: 2 ** 20 });
  assertEquals(set.all.map(({ name }) => name), ["a", "c", "b"]);
  assertEquals(set.all.map(({ value }) => value.home!.offset), [0, 1280, 1280 + 1792]);
  assertEquals(set.runs.map(({ decayed, parameter }) => [decayed, tensorBytes(parameter)]), [[true, 3072], [
    false,
    256,
  ]]);
  assertEquals(set.count, 300 + 5 + 448);
});

Deno.test("ParameterSet cuts an arena where a buffer cannot hold it, and its runs still cover every parameter once", () => {
  const maxBufferSize = 2048;
  const set = new ParameterSet(shapes, { maxBufferSize });
  const stores = new Set(set.all.map(({ value }) => value.home!.store));
  assertEquals(stores.size, 2);
  for (const { bytes } of stores) assert(bytes <= maxBufferSize);
  for (const { value, decayed } of set.all) {
    const { store, offset } = value.home!;
    const covering = set.runs.filter(({ parameter }) => {
      const from = parameter.home!.offset;
      return parameter.home!.store === store && from <= offset && offset < from + tensorBytes(parameter);
    });
    assertEquals(covering.map((run) => run.decayed), [decayed]);
  }
});

Deno.test("ParameterSet gives every parameter blocks of its own where moments are not in f32", () => {
  const limits = { maxBufferSize: 2 ** 20 };
  for (const [moments, bytes] of [["bf16", 2], ["8bit", 1]] as const) {
    const set = new ParameterSet(shapes, limits, { moments });
    assertEquals(set.all.map(({ value }) => value.home!.offset), [0, 2048, 4096]);
    const [decayed, rest] = set.runs;
    assertEquals([decayed, rest].map(({ parameter: { rows, cols } }) => [rows, cols]), [[4, 256], [1, 256]]);
    assertEquals([rest.moment1, rest.moment2].map(({ home }) => home!.offset), [1024 * bytes, 1024 * bytes]);
    assertEquals(rest.moment1.home!.store.bytes, 5 * 256 * bytes);
    // Scales are bound from where they can be: the first four rows are others'.
    assertEquals(
      rest.scales && [rest.scales.skip, rest.scales.tensor.rows, rest.scales.tensor.home!.offset],
      moments === "8bit" ? [4, 5, 0] : undefined,
    );
  }
  const many = new ParameterSet([matrix("qkv", "a", 100, 256), vector("qkv", "b", 5)], limits, {
    moments: "8bit",
  });
  const { skip, tensor: { rows, home } } = many.runs[1].scales!;
  assertEquals([skip, rows, home!.offset], [4, 5, 96 * 8]);
});

Deno.test("ParameterSet.get() throws on a name it does not have", () => {
  assertThrows(() => new ParameterSet(shapes, { maxBufferSize: 2 ** 20 }).get("d"), Error, "no parameter d");
});
