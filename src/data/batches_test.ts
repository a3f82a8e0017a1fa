import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { RandomBatches, sequentialBatches, type TokenBatch } from "./batches.ts";

/** Each token is its own position, so a batch shows where its windows lie. */
const counting = (length: number) => Uint16Array.from({ length }, (_, i) => i);

function starts({ inputs }: TokenBatch, sequence: number): number[] {
  return Array.from({ length: inputs.length / sequence }, (_, row) => inputs[row * sequence]);
}

/** The targets that follow the inputs of windows over `counting` tokens. */
function following({ inputs }: TokenBatch): Int32Array {
  return Int32Array.from(inputs, (token) => token + 1);
}

Deno.test("RandomBatches.next() gives rows of successive tokens and their successors as targets", () => {
  const batch = new RandomBatches(counting(1000), { batch: 3, sequence: 5, seed: 0 }).next();
  assertEquals([batch.inputs.length, batch.targets.length], [15, 15]);
  assertEquals([...batch.inputs], starts(batch, 5).flatMap((start) => [0, 1, 2, 3, 4].map((i) => start + i)));
  assertEquals(batch.targets, following(batch));
});

Deno.test("RandomBatches reaches every window and never crosses the end", () => {
  const batches = new RandomBatches(counting(12), { batch: 100, sequence: 8, seed: 7 });
  const batch = batches.next();
  assertEquals([...new Set(starts(batch, 8))].sort(), [0, 1, 2, 3]);
  assertEquals(batch.targets, following(batch));
});

Deno.test("RandomBatches repeats its batches for one seed and gives others for another", () => {
  const take = (seed: number) => {
    const batches = new RandomBatches(counting(1000), { batch: 4, sequence: 8, seed });
    return [batches.next(), batches.next()];
  };
  assertEquals(take(1), take(1));
  assertNotEquals(take(1)[0], take(1)[1]);
  const seeds = Array.from({ length: 50 }, (_, seed) => take(seed)[0].inputs.join());
  assertEquals(new Set(seeds).size, 50);
});

Deno.test("RandomBatches takes tokens that just fill one window, and refuses fewer", () => {
  const size = { batch: 2, sequence: 4, seed: 0 };
  assertEquals(new RandomBatches(counting(5), size).next().targets, new Int32Array([1, 2, 3, 4, 1, 2, 3, 4]));
  assertEquals(
    assertThrows(() => new RandomBatches(counting(4), size), UserError).message,
    "The training split has 4 tokens, fewer than the sequence length 4 + 1; " +
      "give a longer file with --data or a smaller --sequence",
  );
});

Deno.test("sequentialBatches() spreads its windows from the first token to the last, without overlap where there is room", () => {
  const batches = sequentialBatches(counting(25), { batch: 2, sequence: 4, rows: 6 });
  assertEquals(batches.map((batch) => starts(batch, 4)), [[0, 4], [8, 12], [16, 20]]);
  for (const batch of batches) assertEquals(batch.targets, following(batch));
  const spread = sequentialBatches(counting(101), { batch: 1, sequence: 10, rows: 4 });
  assertEquals(spread.flatMap((batch) => starts(batch, 10)), [0, 30, 60, 90]);
});

Deno.test("sequentialBatches() overlaps windows rather than give fewer", () => {
  const batches = sequentialBatches(counting(11), { batch: 2, sequence: 8, rows: 4 });
  assertEquals(batches.map((batch) => starts(batch, 8)), [[0, 0], [1, 2]]);
  for (const batch of batches) assertEquals(batch.targets, following(batch));
});

Deno.test("sequentialBatches() cuts the same windows into batches of any size, and fills up the last with rows without targets", () => {
  const of = (batch: number) => sequentialBatches(counting(101), { batch, sequence: 10, rows: 7 });
  const counted = (batch: number) =>
    of(batch).flatMap(({ inputs, targets }) => [...inputs].filter((_, i) => targets[i] >= 0));
  for (const batch of [2, 3, 5, 9]) {
    assertEquals(counted(batch), counted(1), `batches of ${batch}`);
    assertEquals(of(batch).map(({ inputs }) => inputs.length), Array(Math.ceil(7 / batch)).fill(batch * 10));
    for (const one of of(batch)) {
      assertEquals(one.targets, following(one).map((next, i) => one.targets[i] < 0 ? -100 : next));
    }
  }
  assertEquals([...of(5)[1].targets.subarray(20)], Array(30).fill(-100));
});

Deno.test("sequentialBatches() refuses tokens that fill no window", () => {
  assertEquals(
    assertThrows(() => sequentialBatches(counting(812), { batch: 1, sequence: 1024, rows: 1 }), UserError)
      .message,
    "The validation split has 812 tokens, fewer than the sequence length 1024 + 1; " +
      "give a longer file with --data or a smaller --sequence",
  );
});
