import { assert } from "@std/assert";
import { plain } from "../src/gpu/operand.ts";
import { geluBackward } from "./gelu.ts";
import { geluDerivative } from "./gelu_reference.ts";
import { assertClose, gpuTest, granted, narrowLimits, norm, normals, runTest, tolerance } from "./testing.ts";

/**
 * u and u' take six roundings, the logistic function an exponential and a quotient (the exponential's share that grows with 2u is damped
 * by s·(1 - s) to less than one), the result six more.
 */
const roundings = 12 + granted.exponential + granted.division;

async function check({ rows, cols }: { rows: number; cols: number }, options = {}): Promise<void> {
  const x = normals(rows * cols, 1, 2);
  const d = normals(rows * cols, 2);
  const expected = d.map((value, i) => value * geluDerivative(x[i]));
  // The derivative is s + 2·x·s·(1 - s)·u': both at most about 1, and of opposite sign for x < 0.
  const limit = tolerance(roundings, 2 * norm(d) / norm(expected));
  await runTest(
    (t) => {
      const out = t.input("d", rows, cols, d);
      geluBackward(t.builder, out, plain(t.input("x", rows, cols, x)));
      return out;
    },
    async (out, read) => assertClose(await read(out), expected, limit, `${rows}×${cols}`),
    options,
  );
}

gpuTest("geluBackward() equals the reference on ragged shapes", async () => {
  await check({ rows: 37, cols: 60 });
  await check({ rows: 1, cols: 3 });
});

gpuTest(
  "geluBackward() over windows of rows equals the reference",
  () => check({ rows: 150, cols: 60 }, { limits: narrowLimits(64 * 60 * 4) }),
);

gpuTest("geluBackward() is the identity or zero far from the origin, never NaN", async () => {
  const x = [1e4, 1e3, 88, 30, 10, 6, 1e-30, 0, -1e-30, -6, -10, -30, -88, -1e3, -1e4].map(Math.fround);
  await runTest((t) => {
    const d = t.input("d", 1, x.length, x.map(() => 1));
    geluBackward(t.builder, d, plain(t.input("x", 1, x.length, x)));
    return d;
  }, async (d, read) => {
    (await read(d)).forEach((value, i) => {
      const error = Math.abs(value - geluDerivative(x[i]));
      assert(error <= tolerance(roundings, 2), `GELU'(${x[i]}) is ${value}`); // absolute: the terms are at most about 1
    });
  });
});
