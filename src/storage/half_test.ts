import { assert, assertEquals } from "@std/assert";
import { cheapToRead } from "../../kernels/shared/materialize.ts";
import { gpuTest, narrowLimits, noNumbers, normals, runTest } from "../../kernels/testing/testing.ts";
import type { BuilderOptions } from "../gpu/builder.ts";
import { storeHalf } from "./half.ts";
import { halfRound } from "./quantize_reference.ts";
import { readHalves } from "./stored_values.ts";

/**
 * Asserts that `storeHalf` keeps x (rows×cols) as the reference rounds it, padding zero, and that backward reads what is kept. Below 2^-14 an
 * f16 is subnormal: WGSL lets an adapter take such numbers for zero, and ignore the sign of zero.
 */
async function checkHalf(
  x: Float64Array,
  rows: number,
  cols: number,
  options: Partial<BuilderOptions> = {},
): Promise<void> {
  await runTest((t) => {
    const operand = storeHalf(t.builder, t.input("x", rows, cols, x), "saved");
    return { halves: operand.tensor, back: cheapToRead(t.builder, operand).tensor };
  }, async ({ halves, back }, read, program) => {
    const kept = await readHalves(program, halves);
    const backward = await read(back);
    x.forEach((value, i) => {
      const expected = halfRound(value);
      for (const found of [kept[i], backward[i]]) {
        const flushed = found === 0 && Math.abs(value) < 2 ** -14;
        assert(found === expected || flushed, `${value} became ${found}, not ${expected}`);
      }
    });
  }, { adapterClass: "software", ...options }); // which writes out what it reads of stored tensors
}

gpuTest("storeHalf() stores each element rounded to the nearest f16, and reads it back", async () => {
  const [rows, cols] = [37, 18];
  // All exponents of f16 numbers.
  await checkHalf(
    normals(rows * cols, 1).map((value, i) => Math.fround(value * 2 ** (i % 38 - 22))),
    rows,
    cols,
  );
});

gpuTest("storeHalf() rounds ties to even and saturates at ±65504", async () => {
  const numbers = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 2049, 2051, 65504, 65519, 65520, 7e4, 1e9, 3e38, 2 ** -14];
  const x = Float64Array.from(numbers.flatMap((value) => [value, -value]));
  await checkHalf(x, 1, x.length);
});

gpuTest("storeHalf() keeps what is no number as none, and infinities as the largest numbers", async () => {
  const bits = Uint32Array.of(...noNumbers, 0x7f800000, 0xff800000);
  await runTest((t) => {
    const x = t.builder.tensor("x", 1, bits.length, { category: "transient" });
    t.fill(x, bits);
    return storeHalf(t.builder, x, "saved").tensor;
  }, async (halves, _read, program) => {
    const kept = Array.from(await readHalves(program, halves));
    assertEquals(kept, [...noNumbers.map(() => NaN), 65504, -65504]);
  });
});

gpuTest(
  "storeHalf() rounds subnormal numbers as the adapter does, and zeros of either sign to zero",
  async () => {
    const numbers = [1, 1.5, 0.5, 0.49, 2.5, 1000, 1023, 1e-3, 0].map((value) => value * 2 ** -24);
    const x = Float64Array.from(numbers.flatMap((value) => [value, -value]), Math.fround);
    await checkHalf(x, 1, x.length);
  },
);

gpuTest("storeHalf() over windows of rows stores what it stores at once", async () => {
  await checkHalf(normals(150 * 60, 2), 150, 60, { limits: narrowLimits(64 * 60 * 4) });
});
