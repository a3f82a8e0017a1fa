import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { attentionBackward, attentionForward } from "./attention_reference.ts";
import { matmulNN, matmulNT } from "../products/matmul_reference.ts";
import {
  centralDifferences,
  dot,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

const shape = { batch: 2, sequence: 5, heads: 3, headSize: 3, causal: true };
const width = shape.heads * shape.headSize, rows = shape.batch * shape.sequence;
const qkv = seededValues(rows * 3 * width, 1, 2);
const dOutput = seededValues(rows * width, 2);

Deno.test("attentionForward() equals softmax(q·kᵀ/√d)·v with the matrix of probabilities", () => {
  const { sequence, headSize } = shape;
  const { output, logSumExp } = attentionForward(qkv, { ...shape, causal: false });
  const batch = 1, head = 2;
  const part = (which: number) =>
    Float64Array.from({ length: sequence * headSize }, (_, i) => {
      const row = batch * sequence + Math.floor(i / headSize);
      return qkv[row * 3 * width + which * width + head * headSize + i % headSize];
    });
  const exponentials = matmulNT(part(0), part(1), { m: sequence, n: sequence, k: headSize })
    .map((value) => Math.exp(value / Math.sqrt(headSize)));
  const sums = matmulNN(exponentials, new Float64Array(sequence).fill(1), { m: sequence, n: 1, k: sequence });
  const expected = matmulNN(
    exponentials.map((value, i) => value / sums[Math.floor(i / sequence)]),
    part(2),
    { m: sequence, n: headSize, k: sequence },
  );
  for (let t = 0; t < sequence; t++) {
    const row = batch * sequence + t;
    const start = row * width + head * headSize;
    const actual = output.subarray(start, start + headSize);
    assert(relativeError(actual, expected.subarray(t * headSize, (t + 1) * headSize)) < 1e-13);
    assertAlmostEquals(logSumExp[row * shape.heads + head], Math.log(sums[t]), 1e-13);
  }
});

Deno.test("attentionForward() hides later tokens and other sequences under a causal mask", () => {
  const changed = qkv.slice();
  const row = 3;
  changed.subarray(row * 3 * width, (row + 1) * 3 * width).fill(9);
  const before = attentionForward(qkv, shape), after = attentionForward(changed, shape);
  const unseen = (x: Float64Array) => [...x.subarray(0, row * width), ...x.subarray(shape.sequence * width)];
  assertEquals(unseen(after.output), unseen(before.output));
  assertEquals(before.output.subarray(0, width), qkv.subarray(2 * width, 3 * width));
});

for (const causal of [true, false]) {
  Deno.test(`attentionBackward() equals central differences, ${causal ? "causal" : "full"}`, () => {
    const mask = { ...shape, causal };
    const { output, logSumExp } = attentionForward(qkv, mask);
    const numeric = centralDifferences(() => dot(attentionForward(qkv, mask).output, dOutput), qkv);
    const gradient = attentionBackward(dOutput, qkv, output, logSumExp, mask);
    assert(relativeError(gradient, numeric) < finiteDifferenceTolerance);
  });
}

Deno.test("attentionForward() and attentionBackward() of heads that share keys are those of keys repeated, and summed", () => {
  const grouped = { ...shape, heads: 6, keyHeads: 3 };
  const columns = (6 + 2 * 3) * 3;
  const x = seededValues(rows * columns, 3, 2), d = seededValues(rows * 18, 4);
  // Where the channel of a repeated qkv comes from: 18 of q, then each key head and each value head twice.
  const source = (column: number) =>
    column < 18
      ? column
      : 18 + Math.floor((column - 18) / 18) * 9 + Math.floor((column - 18) % 18 / 6) * 3 + column % 3;
  const repeated = Float64Array.from(
    { length: rows * 54 },
    (_, i) => x[Math.floor(i / 54) * columns + source(i % 54)],
  );
  const whole = { ...shape, heads: 6 };
  const [given, expected] = [attentionForward(x, grouped), attentionForward(repeated, whole)];
  assertEquals(given, expected);
  const dRepeated = attentionBackward(d, repeated, expected.output, expected.logSumExp, whole);
  const summed = new Float64Array(x.length);
  dRepeated.forEach((value, i) => summed[Math.floor(i / 54) * columns + source(i % 54)] += value);
  assert(relativeError(attentionBackward(d, x, given.output, given.logSumExp, grouped), summed) < 1e-14);
});

Deno.test("attentionBackward() takes P from the given log-sum-exp and δ from the given output", () => {
  const { output, logSumExp } = attentionForward(qkv, shape);
  const column = (x: Float64Array, from: number, to: number) =>
    x.filter((_, i) => i % (3 * width) >= from * width && i % (3 * width) < to * width);
  const whole = attentionBackward(dOutput, qkv, output, logSumExp, shape);
  const halved = attentionBackward(dOutput, qkv, output, logSumExp.map((x) => x + Math.LN2), shape);
  assert(relativeError(halved, whole.map((value) => value / 2)) < 1e-14);
  const moved = attentionBackward(dOutput, qkv, output.map((x) => x + 0.1), logSumExp, shape);
  assertEquals(column(moved, 2, 3), column(whole, 2, 3));
  assert(relativeError(column(moved, 0, 2), column(whole, 0, 2)) > 1e-2);
});
