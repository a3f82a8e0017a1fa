import { assert } from "@std/assert";
import { gradientSquares } from "./gradient_squares.ts";
import { assertClose, gpuTest, narrowLimits, normals, runTest, tolerance } from "../testing/testing.ts";

const [rows, cols] = [600, 60]; // three chunks of sums, rows without padding
const a = normals(rows * cols, 1);
const b = a.map((value, i) => value + 1e-3 * normals(rows * cols, 2)[i]);

/** A thread adds 16 vectors of a chunk, then come two trees of eight levels; a difference of numbers this near loses ten bits. */
const roundings = 16 * 4 + 2 * 8;

const expected = [...a].reduce(
  (sums, x, i) => [sums[0] + (x - b[i]) ** 2, sums[1] + x * x, sums[2] + b[i] ** 2, sums[3] + x * b[i]],
  [0, 0, 0, 0],
);

function check(options = {}): Promise<void> {
  return runTest((t) => {
    const tensors = [a, b].map((values, i) => t.input("ab"[i], rows, cols, values));
    return gradientSquares(t.builder, tensors[0], tensors[1]);
  }, async (sums, read) => {
    const all = await read(sums);
    assert(all.length > 4, "one chunk alone");
    const found = [0, 1, 2, 3].map((which) => all.filter((_, i) => i % 4 === which).reduce((x, y) => x + y));
    assertClose(found.slice(1), expected.slice(1), tolerance(roundings), "squares and products");
    assertClose([found[0]], [expected[0]], tolerance(roundings, 2 ** 10), "squares of differences");
  }, options);
}

gpuTest(
  "gradientSquares() gives the squares of two tensors and of their difference, and their product",
  () => check(),
);

gpuTest(
  "gradientSquares() over windows of rows gives them, too",
  () => check({ limits: narrowLimits(128 * cols * 4) }),
);
