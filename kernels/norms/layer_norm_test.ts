import { assert, assertEquals } from "@std/assert";
import { plain } from "../../src/gpu/operand.ts";
import { layerNormBackward, layerNormForward, type NormKind } from "./layer_norm.ts";
import { layerNormBackward as backward, layerNormForward as forward } from "./layer_norm_reference.ts";
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

const epsilon = 1e-5;
const shapes = [
  { rows: 37, cols: 60 },
  { rows: 1, cols: 3 },
  { rows: 5, cols: 1030 }, // each thread takes several vectors of a row
  { rows: 2, cols: 5003 }, // more than registers keep
];
const windowed = { rows: 150, cols: 60 };
const narrow = { limits: narrowLimits(64 * 60 * 4) };

/** Two sums over a row, then a root and three quotients. */
const roundings = (cols: number) => 2 * cols + granted.squareRoot + 3 * granted.division;

async function checkForward(
  { rows, cols }: { rows: number; cols: number },
  options = {},
  kind: NormKind = "layer",
): Promise<void> {
  const x = normals(rows * cols, 1).map((value) => Math.fround(3 + 2 * value));
  const expected = forward(x, rows, cols, epsilon, kind);
  // x - mean cancels: what is subtracted is that much larger than what remains.
  const scaled = x.map((value, i) => value * expected.rstd[Math.floor(i / cols)]);
  const limit = tolerance(roundings(cols), norm(scaled) / norm(expected.normalized));
  await runTest((t) => {
    const outputs = [t.output("normalized", rows, cols), t.output("rstd", rows, 1, { stride: 1 })] as const;
    layerNormForward(t.builder, t.input("x", rows, cols, x), ...outputs, epsilon, kind);
    return outputs;
  }, async ([normalized, rstd], read) => {
    assertClose(await read(normalized), expected.normalized, limit, `normalized ${rows}×${cols}`);
    assertClose(await read(rstd), expected.rstd, limit, `rstd ${rows}×${cols}`);
  }, options);
}

async function checkBackward(
  { rows, cols }: { rows: number; cols: number },
  accumulate: boolean,
  options = {},
  kind: NormKind = "layer",
): Promise<void> {
  const { normalized, rstd } = forward(normals(rows * cols, 2, 3), rows, cols, epsilon, kind);
  const xHat = normalized.map(Math.fround);
  const scale = rstd.map(Math.fround);
  const dy = normals(rows * cols, 3);
  const gamma = normals(cols, 4);
  const before = normals(rows * cols, 5, accumulate ? 1 : 0);
  const { dx: gradient } = backward(dy, xHat, scale, gamma, rows, cols, kind);
  const expected = gradient.map((value, i) => value + before[i]);
  // dx sums what was there and three terms, none larger by norm than rstd·dy·γ: the other two are projections of it.
  const term = norm(dy.map((value, i) => value * gamma[i % cols] * scale[Math.floor(i / cols)]));
  const limit = tolerance(2 * cols + 2 * granted.division, (norm(before) + 3 * term) / norm(expected));
  await runTest(
    (t) => {
      const dx = accumulate ? t.input("dx", rows, cols, before) : t.output("dx", rows, cols);
      layerNormBackward(
        t.builder,
        t.input("dy", rows, cols, dy),
        plain(t.input("normalized", rows, cols, xHat)),
        t.input("rstd", rows, 1, scale, { stride: 1 }),
        t.input("gamma", 1, cols, gamma),
        dx,
        accumulate,
        kind,
      );
      return dx;
    },
    async (dx, read) => assertClose(await read(dx), expected, limit, `dx ${rows}×${cols}`),
    options,
  );
}

gpuTest(
  "layerNormForward() equals the reference on ragged shapes, with the invocations of any adapter",
  async () => {
    for (const adapterClass of ["gpu", "software"]) {
      for (const shape of shapes) await checkForward(shape, { adapterClass });
    }
  },
);

gpuTest(
  "layerNormForward() and layerNormBackward() of an RMSNorm equal the reference on ragged shapes",
  async () => {
    for (const adapterClass of ["gpu", "software"]) {
      for (const shape of shapes) {
        await checkForward(shape, { adapterClass }, "rms");
        for (const accumulate of [false, true]) {
          await checkBackward(
            shape,
            accumulate,
            { adapterClass },
            "rms",
          );
        }
      }
    }
    await checkForward(windowed, narrow, "rms");
    await checkBackward(windowed, true, narrow, "rms");
  },
);

gpuTest("layerNormForward() over windows of rows equals the reference", () => checkForward(windowed, narrow));

gpuTest("layerNormForward() of constant rows is finite, and zero but for rounding", async () => {
  const cols = 60;
  const constants = [0, 5, -1e4];
  const x = Float64Array.from({ length: 3 * cols }, (_, i) => constants[Math.floor(i / cols)]);
  await runTest((t) => {
    const outputs = [t.output("normalized", 3, cols), t.output("rstd", 3, 1, { stride: 1 })] as const;
    layerNormForward(t.builder, t.input("x", 3, cols, x), ...outputs, epsilon);
    return outputs;
  }, async ([normalized, rstd], read) => {
    const scales = await read(rstd);
    (await read(normalized)).forEach((value, i) => {
      // The mean is off by rounding at most; rstd is at most 1/√ε.
      const bound = tolerance(cols + granted.division) * Math.abs(x[i]) / Math.sqrt(epsilon);
      assert(Math.abs(value) <= bound, `${value} from the constant ${x[i]}`);
    });
    const largest = (1 + tolerance(granted.squareRoot + granted.division)) / Math.sqrt(epsilon);
    for (const scale of scales) assert(scale > 0 && scale <= largest, `rstd is ${scale}`);
  });
});

gpuTest("layerNormBackward() writes or adds the reference's input gradient on ragged shapes", async () => {
  for (const adapterClass of ["gpu", "software"]) {
    for (const shape of shapes) {
      await checkBackward(shape, false, { adapterClass });
      await checkBackward(shape, true, { adapterClass });
    }
  }
});

gpuTest(
  "layerNormBackward() over windows of rows equals the reference",
  () => checkBackward(windowed, true, narrow),
);

gpuTest("layerNormBackward() in place equals the one into a tensor of its own bit for bit", async () => {
  for (const { rows, cols } of shapes) await checkInPlace(rows, cols);
});

async function checkInPlace(rows: number, cols: number): Promise<void> {
  const dy = normals(rows * cols, 7);
  await runTest((t) => {
    const normalized = plain(t.input("normalized", rows, cols, normals(rows * cols, 6)));
    const rstd = t.input("rstd", rows, 1, normals(rows, 9), { stride: 1 });
    const gamma = t.input("gamma", 1, cols, normals(cols, 8));
    const dx = t.output("dx", rows, cols);
    const inPlace = t.input("dy in place", rows, cols, dy);
    layerNormBackward(t.builder, t.input("dy", rows, cols, dy), normalized, rstd, gamma, dx, false);
    layerNormBackward(t.builder, inPlace, normalized, rstd, gamma, inPlace, false);
    return { dx, inPlace };
  }, async ({ dx, inPlace }, read) => assertEquals(await read(inPlace), await read(dx)));
}
