import { rotate } from "./rotary.ts";
import { rotaryFrequencies } from "./rotary_frequencies.ts";
import { rotated } from "./rotary_reference.ts";
import { assertClose, gpuTest, narrowLimits, normals, runTest, tolerance } from "../testing/testing.ts";

/**
 * The angle is rounded twice (an integer to f32, its factor), each polynomial's last steps twice, and its terms are cut below 2^-25; then
 * two products and a sum, which by norm do not cancel: a rotation keeps it.
 */
const limit = tolerance(2 + 2 + 1 + 3);

const cases = [
  { rows: 74, cols: 126, heads: 9, headSize: 14, sequence: 37, base: 500000 },
  { rows: 150, cols: 96, heads: 2, headSize: 32, sequence: 150, base: 10000 },
  { rows: 5, cols: 2, heads: 1, headSize: 2, sequence: 5, base: 10000 },
];

for (const { rows, cols, heads, headSize, sequence, base } of cases) {
  const name = `${heads} heads of ${headSize}, ${sequence} tokens`;
  gpuTest(
    `rotate() equals the reference there and back, whole and over windows of rows: ${name}`,
    async () => {
      const x = normals(rows * cols, 1);
      const shape = { sequence, heads, frequencies: rotaryFrequencies({ headSize, base }) };
      for (const options of [{}, { limits: narrowLimits(64 * Math.ceil(cols / 4) * 16) }]) {
        for (const back of [false, true]) {
          await runTest(
            (t) => {
              const out = t.input("x", rows, cols, x);
              rotate(t.builder, out, shape, { back });
              return out;
            },
            async (out, read) => assertClose(await read(out), rotated(x, cols, shape, { back }), limit),
            options,
          );
        }
      }
    },
  );
}

gpuTest("rotate() is as exact at the hundred thousandth position as at the first", async () => {
  const [rows, headSize] = [131072, 4];
  const shape = { sequence: rows, heads: 1, frequencies: rotaryFrequencies({ headSize, base: 10 }) };
  const x = normals(rows * headSize, 1);
  const expected = rotated(x, headSize, shape);
  await runTest((t) => {
    const out = t.input("x", rows, headSize, x);
    rotate(t.builder, out, shape);
    return out;
  }, async (out, read) => {
    const last = (values: Float64Array) => values.subarray(-1000 * headSize);
    assertClose(last(await read(out)), last(expected), limit);
  });
});

gpuTest("rotate() of a part of each sequence counts positions from the part's first", async () => {
  const { cols, heads, headSize, sequence, base } = cases[0];
  const shape = { sequence, heads, frequencies: rotaryFrequencies({ headSize, base }) };
  const whole = normals(2 * sequence * cols, 1);
  const [first, count] = [19, 18];
  const part = (of: Float64Array) =>
    Float64Array.from([0, 1].flatMap((i) => [
      ...of.subarray((i * sequence + first) * cols, (i * sequence + first + count) * cols),
    ]));
  await runTest((t) => {
    const out = t.input("x", 2 * count, cols, part(whole));
    rotate(t.builder, out, { ...shape, sequence: count, firstPosition: first });
    return out;
  }, async (out, read) => assertClose(await read(out), part(rotated(whole, cols, shape)), limit));
});
