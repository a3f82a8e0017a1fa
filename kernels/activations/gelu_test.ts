import { assert } from "@std/assert";
import { type GeluKind, plain } from "../../src/gpu/operand.ts";
import { geluBackward, geluForward } from "./gelu.ts";
import { gelu, geluDerivative } from "./gelu_reference.ts";
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

const kinds: readonly GeluKind[] = ["tanh", "erf"];

/**
 * tanh: u and u' take six roundings, the logistic function an exponential and a quotient (the exponential's share that grows with 2u is
 * damped by s·(1 - s) to less than one), the result six more. erf: the rational function takes nine, an exponential (its share that grows
 * with x²/2 is damped by itself) and a quotient, the result six.
 */
const roundings = { tanh: 12, erf: 15 };
const roundingsOf = (kind: GeluKind) => roundings[kind] + granted.exponential + granted.division;

async function check(
  { rows, cols }: { rows: number; cols: number },
  kind: GeluKind,
  options = {},
): Promise<void> {
  const x = normals(rows * cols, 1, 2);
  const d = normals(rows * cols, 2);
  const expected = d.map((value, i) => value * geluDerivative(x[i], kind));
  // The derivative is s + 2·x·s·(1 - s)·u', or Φ + x·φ: both terms at most about 1, and of opposite sign for x < 0.
  const limit = tolerance(roundingsOf(kind), 2 * norm(d) / norm(expected));
  await runTest(
    (t) => {
      const out = t.input("d", rows, cols, d);
      geluBackward(t.builder, out, plain(t.input("x", rows, cols, x)), kind);
      return out;
    },
    async (out, read) => assertClose(await read(out), expected, limit, `${kind}, ${rows}×${cols}`),
    options,
  );
}

gpuTest("geluBackward() equals the reference on ragged shapes", async () => {
  for (const kind of kinds) {
    await check({ rows: 37, cols: 60 }, kind);
    await check({ rows: 1, cols: 3 }, kind);
  }
});

gpuTest("geluBackward() over windows of rows equals the reference", async () => {
  for (const kind of kinds) await check({ rows: 150, cols: 60 }, kind, { limits: narrowLimits(64 * 60 * 4) });
});

gpuTest("geluBackward() is the identity or zero far from the origin, never NaN", async () => {
  const points = [1e4, 1e3, 88, 30, 14, 10, 6, 1e-30, 0, -1e-30, -6, -10, -14, -30, -88, -1e3, -1e4].map(
    Math.fround,
  );
  for (const kind of kinds) {
    const x = kind === "erf" ? [...points, 1e30, -1e30].map(Math.fround) : points; // the cube of 1e30 exceeds f32
    await runTest((t) => {
      const d = t.input("d", 1, x.length, x.map(() => 1));
      geluBackward(t.builder, d, plain(t.input("x", 1, x.length, x)), kind);
      return d;
    }, async (d, read) => {
      (await read(d)).forEach((value, i) => {
        const error = Math.abs(value - geluDerivative(x[i], kind));
        // Absolute: the terms are at most about 1.
        assert(error <= tolerance(roundingsOf(kind), 2), `GELU'(${x[i]}) of kind ${kind} is ${value}`);
      });
    });
  }
});

gpuTest("geluForward() in place equals the reference on ragged shapes and over windows of rows", async () => {
  for (const kind of ["tanh", "erf"] as const) {
    for (const [rows, cols, limits] of [[37, 61], [1, 3], [150, 60, narrowLimits(64 * 60 * 4)]] as const) {
      const x = normals(rows * cols, 1, 2);
      const expected = x.map((value) => gelu(value, kind));
      await runTest(
        (t) => {
          const out = t.input("x", rows, cols, x);
          geluForward(t.builder, out, kind);
          return out;
        },
        async (out, read) =>
          assertClose(await read(out), expected, tolerance(roundingsOf(kind)), `${kind} ${rows}×${cols}`),
        limits && { limits },
      );
    }
  }
});
