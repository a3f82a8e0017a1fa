import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { Random, xoshiro128 } from "./random.ts";

function draw<T>(count: number, next: () => T): T[] {
  return Array.from({ length: count }, next);
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Pearson's statistic of the values' counts in `bins` equal parts of [0, 1): bins − 1 expected, standard deviation √(2·bins − 2). */
function chiSquare(values: number[], bins: number): number {
  const counts = new Float64Array(bins);
  for (const value of values) counts[Math.floor(value * bins)]++;
  const expected = values.length / bins;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

Deno.test("xoshiro128() gives its authors' numbers from the state 1, 2, 3, 4", () => {
  const state = new Uint32Array([1, 2, 3, 4]);
  assertEquals(
    draw(10, () => xoshiro128(state)),
    [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804],
  );
});

Deno.test("Random gives the numbers that an independent implementation gave for its seed", () => {
  for (
    const [seed, ...expected] of [
      [0, 3809008728, 1133695204, 53579671, 2891528803],
      [1337, 3850783360, 2344901440, 1788140607, 2770358602],
      [2 ** 32 - 1, 835879718, 1921286648, 2356205009, 1885780724],
    ]
  ) {
    const random = new Random(seed);
    assertEquals(draw(4, () => random.uint32()), expected);
  }
  const normals = new Random(1337);
  assertEquals(
    draw(4, () => normals.normal().toFixed(12)),
    ["-2.042014924773", "-0.606709150319", "-0.635897276062", "-0.820053147262"],
  );
});

Deno.test("Random.for() gives each name a stream of its own", () => {
  const first = (seed: number, name: string) => {
    const random = Random.for(seed, name);
    return draw(4, () => random.uint32());
  };
  assertEquals(first(1337, "batches"), [2692370974, 2583388832, 1819970773, 2505002131]);
  assertEquals(first(1337, "é"), [2152208814, 3471165685, 2960205090, 4102127375]);
  const streams = ["a", "b", "ab", "ba"].flatMap((name) => [0, 1, 2].map((seed) => first(seed, name).join()));
  assertEquals(new Set(streams).size, 12);
});

Deno.test("Random names the seeds that it takes", () => {
  for (const seed of [-1, 0.5, 2 ** 32, NaN]) {
    const message = `The seed is ${seed}; give a whole number from 0 to 4294967295`;
    assertEquals(assertThrows(() => new Random(seed), UserError).message, message);
    assertEquals(assertThrows(() => Random.for(seed, "name"), UserError).message, message);
  }
});

Deno.test("Random.uniform() fills [0, 1) evenly, and successive numbers do not depend on each other", () => {
  const random = new Random(1);
  const values = draw(64_000, () => random.uniform());
  assert(values.every((value) => value >= 0 && value < 1));
  assert(Math.abs(chiSquare(values, 64) - 63) < 4 * Math.sqrt(126));
  const products = values.slice(1).map((value, i) => (value - 0.5) * (values[i] - 0.5));
  assert(Math.abs(mean(products)) < 4 / 12 / Math.sqrt(products.length));
});

Deno.test("Random.uniform() starts evenly over neighbouring seeds and over names", () => {
  const seeds = draw(6400, ((seed) => () => new Random(seed++).uniform())(0));
  assert(Math.abs(chiSquare(seeds, 64) - 63) < 4 * Math.sqrt(126));
  const names = seeds.map((_, i) => Random.for(1, `h.${i}`).uniform());
  assert(Math.abs(chiSquare(names, 64) - 63) < 4 * Math.sqrt(126));
});

Deno.test("Random.below() gives every number under its bound equally often", () => {
  const random = new Random(2);
  const values = draw(7000, () => random.below(7));
  assert(values.every((value) => Number.isInteger(value) && value >= 0 && value < 7));
  assert(Math.abs(chiSquare(values.map((value) => (value + 0.5) / 7), 7) - 6) < 4 * Math.sqrt(12));
  // Without rejection the lower third would come twice as often.
  const wide = draw(6000, () => random.below(3 * 2 ** 30) / (3 * 2 ** 30));
  assert(Math.abs(chiSquare(wide, 3) - 2) < 4 * Math.sqrt(4));
  assertEquals(draw(3, () => random.below(1)), [0, 0, 0]);
});

Deno.test("Random.normal() has the moments and the tails of the normal distribution", () => {
  const random = new Random(3);
  const values = draw(64_000, () => random.normal());
  const error = 4 / Math.sqrt(values.length);
  assert(values.every(Number.isFinite));
  assert(Math.abs(mean(values)) < error);
  assert(Math.abs(mean(values.map((x) => x ** 2)) - 1) < error * Math.sqrt(2));
  assert(Math.abs(mean(values.map((x) => x ** 3))) < error * Math.sqrt(15));
  assert(Math.abs(mean(values.map((x) => x ** 4)) - 3) < error * Math.sqrt(96));
  const outside = mean(values.map((x) => Math.abs(x) > 2 ? 1 : 0));
  assert(Math.abs(outside - 0.0455) < error * Math.sqrt(0.0455));
});
