import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gpuTest, narrowLimits, runTest } from "../testing/testing.ts";
import { normal } from "./normal.ts";
import { normalNumbers } from "./normal_reference.ts";

/** Asserts that the device makes the reference's bits, whatever the windows. */
async function check(rows: number, cols: number, deviation: number, stream: number, options = {}) {
  await runTest(({ builder, output }) => {
    const x = output("x", rows, cols);
    normal(builder, x, deviation, stream);
    return x;
  }, async (x, read) => {
    assertEquals(await read(x), Float64Array.from(normalNumbers(rows * cols, deviation, stream)));
  }, options);
}

gpuTest("normal() makes the reference's bits, and zeros for padding", async () => {
  await check(5, 64, 0.02, 1);
  await check(37, 33, 1, 0xffffffff);
  await check(1, 1, 1e-6, 12345);
});

gpuTest("normal() makes the same bits in several windows", async () => {
  await check(150, 60, 0.02, 7, { limits: narrowLimits(64 * 240) });
});

const count = 2 ** 20;
const numbers = normalNumbers(count, 1, 2026);
const moment = (power: number) => numbers.reduce((sum, x) => sum + x ** power, 0) / count;

/** Five standard errors of the mean of n numbers with that deviation. */
const five = (deviation: number, n = count) => 5 * deviation / Math.sqrt(n);

Deno.test("normalNumbers() have the moments of twelve uniform numbers: 0, 1, 0 and 3 - 1.2/12", () => {
  assert(Math.abs(moment(1)) < five(1), `mean ${moment(1)}`);
  assert(Math.abs(moment(2) - 1) < five(Math.sqrt(1.9)), `variance ${moment(2)}`);
  assert(Math.abs(moment(3)) < five(Math.sqrt(15)), `third ${moment(3)}`);
  assert(Math.abs(moment(4) - 2.9) < five(Math.sqrt(96)), `fourth ${moment(4)}`);
});

Deno.test("normalNumbers() do not hang together, neither neighbours nor rows nor streams", () => {
  const other = normalNumbers(count, 1, 2027);
  const correlation = (pair: (i: number) => number) =>
    numbers.reduce((sum, x, i) => sum + x * pair(i), 0) / count;
  for (const lag of [1, 2, 4, 768, 1024]) {
    const r = correlation((i) => numbers[(i + lag) % count]);
    assert(Math.abs(r) < five(1), `lag ${lag}: ${r}`);
  }
  assert(Math.abs(correlation((i) => other[i])) < five(1));
  assertNotEquals(numbers[0], other[0]);
});
