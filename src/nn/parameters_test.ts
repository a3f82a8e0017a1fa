import { assert, assertEquals, assertThrows } from "@std/assert";
import { tensorBytes } from "../gpu/tensor.ts";
import { ParameterSet, parameterShapes } from "./parameters.ts";

const { matrix, vector } = parameterShapes("matrices");
const shapes = [matrix("qkv", "a", 10, 30), vector("qkv", "b", 5), matrix("head", "c", 7, 64)];

Deno.test("ParameterSet puts decayed parameters first, each at a multiple of 256 bytes", () => {
  const set = new ParameterSet(shapes, { maxBufferSize: 2 ** 20 });
  assertEquals(set.all.map(({ name }) => name), ["a", "c", "b"]);
  assertEquals(set.all.map(({ value }) => value.home!.offset), [0, 1280, 1280 + 1792]);
  assertEquals(set.updates.map(({ decayed, parameter }) => [decayed, tensorBytes(parameter)]), [
    [true, 3072],
    [
      false,
      256,
    ],
  ]);
});

Deno.test("ParameterSet cuts an arena where a buffer cannot hold it, and its runs still cover every parameter once", () => {
  const maxBufferSize = 2048;
  const set = new ParameterSet(shapes, { maxBufferSize });
  const stores = new Set(set.all.map(({ value }) => value.home!.store));
  assertEquals(stores.size, 2);
  for (const { bytes } of stores) assert(bytes <= maxBufferSize);
  for (const { value, decayed } of set.all) {
    const { store, offset } = value.home!;
    const covering = set.updates.filter(({ parameter }) => {
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
    const [decayed, rest] = set.updates;
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
  const { skip, tensor: { rows, home } } = many.updates[1].scales!;
  assertEquals([skip, rows, home!.offset], [4, 5, 96 * 8]);
});

Deno.test("Ranks that shard moments update together every number of each parameter, and each has as many bytes of moments", () => {
  const limits = { maxBufferSize: 2 ** 20 };
  const shapes = [matrix("qkv", "a", 10, 30), vector("qkv", "b", 5), matrix("head", "c", 39, 64)]; // 2, 1 and 10 blocks
  const whole = new ParameterSet(shapes, limits, { moments: "8bit" });
  for (const [ranks, blocks] of [[2, 1 + 1 + 5], [3, 1 + 1 + 4], [4, 1 + 1 + 3]]) {
    const sets = Array.from(
      { length: ranks },
      (_, rank) => new ParameterSet(shapes, limits, { moments: "8bit", sharding: "moments", ranks, rank }),
    );
    for (const [i, { name, value, state, gradient }] of whole.all.entries()) {
      const numbers = value.rows * value.stride;
      const updated = new Uint8Array(numbers);
      for (const { updates, all } of sets) {
        const update = updates[i];
        const [first, count] = [update.first - state.first, update.parameter.rows * 4];
        updated.fill(1, first, first + count);
        assertEquals(all[i].value, value, "weights are all there");
        for (const [own, all] of [[update.parameter, value], [update.gradient, gradient]]) {
          assertEquals(own.home!.offset - all.home!.offset, 4 * first, name);
        }
        assertEquals(tensorBytes(update.moment1), count);
        assertEquals(update.scales!.tensor.rows - update.scales!.skip, Math.ceil(count / 256));
        assertEquals(
          256 * (update.scales!.tensor.home!.offset / 8 + update.scales!.skip),
          update.moment1.home!.offset,
        );
      }
      assert(updated.every(Boolean), `${name} is not updated wholly by ${ranks} ranks`);
      // What each sends is what it updates, with the padding to its blocks.
      for (const { all, updates } of sets) {
        const { parts } = all[i].sharded!;
        assertEquals(
          parts.map(({ home }) => home!.offset),
          sets.map(({ updates }) => updates[i].parameter.home!.offset),
        );
        assert(parts.every((part) => tensorBytes(part) >= tensorBytes(updates[i].parameter)));
        assertEquals(new Set(parts.map(tensorBytes)).size, 1);
      }
    }
    const bytes = sets.map(({ updates }) => updates[0].moment1.home!.store.bytes);
    assertEquals(bytes, Array(ranks).fill(256 * blocks));
  }
});

Deno.test("ParameterSet.get() throws on a name it does not have", () => {
  assertThrows(() => new ParameterSet(shapes, { maxBufferSize: 2 ** 20 }).get("d"), Error, "no parameter d");
});
