import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { seededValues } from "../../kernels/testing/reference_testing.ts";
import {
  advanceRange,
  channelTables,
  dequantize,
  groupRange,
  halfRound,
  quantize,
  quantizeNearest,
  type RangeState,
  roundingNumbers,
} from "./quantize_reference.ts";

const f32 = Math.fround;

Deno.test("groupRange() takes contiguous channels over all rows", () => {
  const x = Float64Array.of(1, 2, 30, 40, -1, 5, 10, 20);
  assertEquals(groupRange(x, 2, 4, 2), {
    minimum: Float32Array.of(-1, 10),
    maximum: Float32Array.of(5, 40),
  });
  assertThrows(() => groupRange(x, 2, 4, 3), RangeError, "3 groups do not divide 4 channels");
});

Deno.test("advanceRange() starts at the observed range and then lags behind it", () => {
  const first = advanceRange(undefined, { minimum: Float32Array.of(-1), maximum: Float32Array.of(0) }, 0.9);
  assertEquals(first, { range: Float32Array.of(1), minimum: Float32Array.of(-1) });
  const next = advanceRange(first, { minimum: Float32Array.of(-2), maximum: Float32Array.of(9) }, 0.9);
  // 1 - λ is 0.10000002384 in float32, the neighbour of the nearest to 0.1; α then comes out above 2.
  const weight = 0.100000023841858;
  assertEquals(next, {
    range: Float32Array.of(f32(1 + f32(10 * weight))),
    minimum: Float32Array.of(f32(-1 - weight)),
  });
  assert(next.range[0] > 2);
  assertEquals(first.range[0], 1, "an estimate that was stored must not change");
});

Deno.test("channelTables() spreads the groups over their channels, a constant group with scale 0", () => {
  const state = { range: Float32Array.of(510, 0), minimum: Float32Array.of(-1, 7) };
  assertEquals(channelTables(state, 4, 2), {
    scale: Float32Array.of(2, 2, 0, 0),
    shift: Float32Array.of(-1, -1, 7, 7),
    inverse: Float32Array.of(0.5, 0.5, 0, 0),
  });
});

Deno.test("quantizeNearest() rounds halves up, clamps at both ends and counts what it clamped", () => {
  const tables = channelTables({ range: Float32Array.of(255), minimum: Float32Array.of(-1) }, 1, 1);
  const x = Float64Array.of(-1, 254, -0.5, 1.49, 1.5, -1.5, -1.51, 254.49, 254.5, 600);
  const { codes, clipped } = quantizeNearest(x, x.length, 1, tables);
  assertEquals([...codes], [0, 255, 1, 2, 3, 0, 0, 255, 255, 255]);
  assertEquals(clipped, 3);
});

Deno.test("quantizeNearest() and dequantize() give back a constant group", () => {
  const x = new Float64Array(6).fill(0.3);
  const tables = channelTables(advanceRange(undefined, groupRange(x, 2, 3, 1), 0.9), 3, 1);
  const { codes, clipped } = quantizeNearest(x, 2, 3, tables);
  assertEquals([...codes, clipped], [0, 0, 0, 0, 0, 0, 0]);
  assert(dequantize(codes, 2, 3, tables).every((value) => value === f32(0.3)));
});

Deno.test("dequantize() is within half a step of what its own range covers", () => {
  const rows = 11, cols = 12, groups = 3;
  const x = seededValues(rows * cols, 1, 5).map((value, i) => value * (1 + i % cols));
  const tables = channelTables(advanceRange(undefined, groupRange(x, rows, cols, groups), 0.9), cols, groups);
  const { codes, clipped } = quantizeNearest(x, rows, cols, tables);
  const back = dequantize(codes, rows, cols, tables);
  assertEquals(clipped, 0);
  for (let group = 0; group < groups; group++) {
    const used = codes.filter((_, i) => Math.floor((i % cols) / 4) === group);
    assertEquals([Math.min(...used), Math.max(...used)], [0, 255]);
  }
  x.forEach((value, i) => assert(Math.abs(value - back[i]) <= 0.5001 * tables.scale[i % cols]));
});

Deno.test("quantizeNearest() clips under a running range that lags behind a growing tensor", () => {
  const rows = 9, cols = 4;
  let state: RangeState | undefined, clipped = 0;
  for (let step = 0; step < 10; step++) {
    const x = seededValues(rows * cols, step, 1 + step);
    state = advanceRange(state, groupRange(x, rows, cols, 2), 0.9);
    const tables = channelTables(state, cols, 2);
    const result = quantizeNearest(x, rows, cols, tables);
    clipped += result.clipped;
    dequantize(result.codes, rows, cols, tables).forEach((value, i) => {
      assert(Math.abs(value) <= Math.abs(x[i]) + tables.scale[i % cols]);
    });
  }
  assert(clipped > 0);
});

Deno.test("quantize() in 4 and 2 bits uses all codes and stays within half a step", () => {
  const rows = 11, cols = 12, groups = 3;
  const x = seededValues(rows * cols, 1, 5);
  const state = advanceRange(undefined, groupRange(x, rows, cols, groups), 0.9);
  for (const bits of [4, 2]) {
    const tables = channelTables(state, cols, groups, bits);
    assertEquals(tables.scale[0], f32(state.range[0] / (2 ** bits - 1)));
    const { codes, clipped } = quantizeNearest(x, rows, cols, tables, bits);
    assertEquals([clipped, new Set(codes).size], [0, 2 ** bits]);
    const back = dequantize(codes, rows, cols, tables);
    x.forEach((value, i) => assert(Math.abs(value - back[i]) <= 0.5001 * tables.scale[i % cols]));
  }
});

Deno.test("a token is a group of the tensor as one row", () => {
  const x = Float64Array.of(1, 2, 30, 40, -1, 5, 10, 20);
  const state = advanceRange(undefined, groupRange(x, 1, 8, 4), 0.9);
  const tables = channelTables(state, 8, 4);
  assertEquals(tables.shift, Float32Array.of(1, 1, 30, 30, -1, -1, 10, 10));
  const { codes } = quantizeNearest(x, 2, 4, tables);
  assertEquals([...codes], [0, 255, 0, 255, 0, 255, 0, 255]);
  assertEquals(dequantize(codes, 2, 4, tables), x);
});

Deno.test("roundingNumbers() are the midpoints of 256 parts, all about as often, and new for each seed and stream", () => {
  const [rows, cols] = [256, 61];
  const numbers = roundingNumbers(rows, cols, { seed: 1, stream: 0 });
  const counts = new Map<number, number>();
  for (const u of numbers) counts.set(u, (counts.get(u) ?? 0) + 1);
  assertEquals(
    [...counts.keys()].sort((a, b) => a - b),
    Array.from({ length: 256 }, (_, i) => (i + 0.5) / 256),
  );
  // 61 of each are expected, with a deviation of 8.
  assert([...counts.values()].every((count) => Math.abs(count - 61) < 40));
  assertNotEquals(roundingNumbers(rows, cols, { seed: 2, stream: 0 }), numbers);
  assertNotEquals(roundingNumbers(rows, cols, { seed: 1, stream: 1 }), numbers);
});

Deno.test("quantize() rounds up as often as the level lies above a code", () => {
  const [rows, cols] = [100, 60];
  const x = new Float64Array(rows * cols).fill(1.25);
  const tables = channelTables({ range: Float32Array.of(3), minimum: Float32Array.of(0) }, cols, 1, 2);
  const u = roundingNumbers(rows, cols, { seed: 3, stream: 4 });
  const { codes } = quantize(x, rows, cols, tables, (i) => u[i], 2);
  assert(codes.every((code) => code === 1 || code === 2));
  assert(Math.abs(codes.reduce((sum, code) => sum + code, 0) / x.length - 1.25) < 0.02);
});

Deno.test("halfRound() rounds to nearest even by way of float32 and stays finite", () => {
  const cases: [number, number][] = [
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [1 + 2 ** -11 + 2 ** -30, 1],
    [1 + 2 ** -11 + 2 ** -22, 1 + 2 ** -10],
    [65504, 65504],
    [65519, 65504],
    [1e9, 65504],
    [-Infinity, -65504],
    [2 ** -24, 2 ** -24],
    [2 ** -25, 0],
  ];
  for (const [x, expected] of cases) assertEquals(halfRound(x), expected, `halfRound(${x})`);
});
