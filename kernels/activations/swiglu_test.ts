import { assert } from "@std/assert";
import { plain } from "../../src/gpu/operand.ts";
import { swigluBackward, swigluForward } from "./swiglu.ts";
import { swiglu, swigluBackward as backward } from "./swiglu_reference.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  norm,
  normals,
  runTest,
  tolerance,
} from "../testing/testing.ts";

/** An exponential (its share that grows with the gate is damped by 1 - s), a quotient, a sum; three products, and two sums in backward. */
const roundings = granted.exponential + granted.division + 6;

/** Halves that are whole vectors, and such that begin and end within one. */
const shapes = [
  { rows: 37, hidden: 60 },
  { rows: 37, hidden: 30 },
  { rows: 5, hidden: 7 },
  { rows: 1, hidden: 1 },
];
const windowed = { rows: 150, hidden: 30 };
const narrow = { limits: narrowLimits(64 * 60 * 4) };

async function checkForward({ rows, hidden }: typeof windowed, options = {}): Promise<void> {
  const h = normals(rows * 2 * hidden, 1, 2);
  const expected = swiglu(h, hidden);
  await runTest(
    (t) => {
      const y = t.output("y", rows, hidden);
      swigluForward(t.builder, plain(t.input("h", rows, 2 * hidden, h)), y);
      return y;
    },
    async (y, read) => assertClose(await read(y), expected, tolerance(roundings), `${rows}×${hidden}`),
    options,
  );
}

async function checkBackward({ rows, hidden }: typeof windowed, options = {}): Promise<void> {
  const [h, d] = [normals(rows * 2 * hidden, 1, 2), normals(rows * hidden, 2)];
  const expected = backward(d, h, hidden);
  // The derivative sums s and gate·s·(1 - s), of opposite sign for negative gates; the latter is below 0.28, and s below 1.
  const ups = d.map((value, i) => value * h[Math.floor(i / hidden) * 2 * hidden + hidden + i % hidden]);
  const limit = tolerance(roundings, (norm(expected) + 1.28 * norm(ups)) / norm(expected));
  await runTest(
    (t) => {
      const dh = t.output("dh", rows, 2 * hidden);
      swigluBackward(t.builder, t.input("d", rows, hidden, d), plain(t.input("h", rows, 2 * hidden, h)), dh);
      return dh;
    },
    async (dh, read) => assertClose(await read(dh), expected, limit, `${rows}×${hidden}`),
    options,
  );
}

gpuTest("swigluForward() equals the reference on ragged shapes and over windows of rows", async () => {
  for (const shape of shapes) await checkForward(shape);
  await checkForward(windowed, narrow);
});

gpuTest("swigluBackward() equals the reference on ragged shapes and over windows of rows", async () => {
  for (const shape of shapes) await checkBackward(shape);
  await checkBackward(windowed, narrow);
});

gpuTest("SwiGLU of gates far from the origin is exact or zero, never NaN", async () => {
  const gates = [1e4, 88, 30, 0, -30, -88, -1e4].map(Math.fround);
  const hidden = gates.length;
  const h = Float64Array.of(...gates, ...gates.map(() => 2));
  const d = new Float64Array(hidden).fill(1);
  await runTest((t) => {
    const [y, dh] = [t.output("y", 1, hidden), t.output("dh", 1, 2 * hidden)];
    const input = plain(t.input("h", 1, 2 * hidden, h));
    swigluForward(t.builder, input, y);
    swigluBackward(t.builder, t.input("d", 1, hidden, d), input, dh);
    return [y, dh];
  }, async ([y, dh], read) => {
    for (
      const [actual, expected] of [[await read(y), swiglu(h, hidden)], [
        await read(dh),
        backward(d, h, hidden),
      ]]
    ) {
      actual.forEach((value, i) => {
        const error = Math.abs(value - expected[i]);
        assert(error <= tolerance(roundings) * Math.max(1, Math.abs(expected[i])), `${i}: ${value}`);
      });
    }
  });
});
