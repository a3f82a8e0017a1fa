import { assert, assertEquals } from "@std/assert";
import { gradientSquares } from "./gradient_squares.ts";
import { assertClose, gpuTest, narrowLimits, normals, runTest, tolerance } from "../testing/testing.ts";

const [rows, cols] = [600, 60]; // three chunks of sums, rows without padding
const a = normals(rows * cols, 1);
const b = a.map((value, i) => value + 1e-3 * normals(rows * cols, 2)[i]);

/** A thread adds 16 vectors of a chunk, then come two trees of eight levels; a difference of numbers this near loses ten bits. */
const roundings = 16 * 4 + 2 * 8;

const squaresOf = (a: Float64Array, b: Float64Array) =>
  [...a].reduce(
    (sums, x, i) => [sums[0] + (x - b[i]) ** 2, sums[1] + x * x, sums[2] + b[i] ** 2, sums[3] + x * b[i]],
    [0, 0, 0, 0],
  );

function check(options = {}): Promise<void> {
  return runTest((t) => {
    const [first, second] = [a, b].map((values, i) => t.input("ab"[i], rows, cols, values));
    return gradientSquares(t.builder, [[first, second], [second, first]]);
  }, async ({ sums, rows }, read) => {
    const all = await read(sums);
    assertEquals(all.length, 4 * (rows[0].rows + rows[1].rows));
    for (const [i, expected] of [squaresOf(a, b), squaresOf(b, a)].entries()) {
      const { first, rows: chunks } = rows[i];
      assert(chunks > 1, "one chunk alone");
      const own = all.slice(4 * first, 4 * (first + chunks));
      const found = [0, 1, 2, 3].map((which) =>
        own.filter((_, i) => i % 4 === which).reduce((x, y) => x + y)
      );
      assertClose(found.slice(1), expected.slice(1), tolerance(roundings), "squares and products");
      assertClose([found[0]], [expected[0]], tolerance(roundings, 2 ** 10), "squares of differences");
    }
  }, options);
}

gpuTest(
  "gradientSquares() gives the squares of pairs of tensors and of their differences, and their products",
  () => check(),
);

gpuTest(
  "gradientSquares() over windows of rows gives them, too",
  () => check({ limits: narrowLimits(128 * cols * 4) }),
);
