import { assert, assertEquals } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { rowsOf } from "../../src/gpu/tensor.ts";
import { stepTensor } from "../../src/gpu/step_block.ts";
import { crossEntropy, meanLoss } from "./cross_entropy.ts";
import { crossEntropy as reference, ignoredTarget } from "./cross_entropy_reference.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  norm,
  normals,
  runTest,
  stepBlock,
  tolerance,
} from "../testing/testing.ts";

const garbage = Math.fround(1e30);

/** Targets of which about a quarter are ignored; the first never is. */
function drawTargets(rows: number, vocab: number): Int32Array<ArrayBuffer> {
  const random = new Random(9);
  return Int32Array.from(
    { length: rows },
    (_, row) => row > 0 && random.below(4) === 0 ? ignoredTarget : random.below(vocab),
  );
}

interface Case {
  rows: number;
  vocab: number;
  logits?: Float64Array;
  targets?: Int32Array<ArrayBuffer>;
  gradient?: boolean;
  smoothing?: number;
  /** Rows of the batch before and after the chunk: nothing may touch their losses. */
  before?: number;
  after?: number;
}

async function check(
  { rows, vocab, gradient = true, smoothing = 0, before = 0, after = 0, ...given }: Case,
  options = {},
): Promise<void> {
  const logits = given.logits ?? normals(rows * vocab, 1, 3);
  const targets = given.targets ?? drawTargets(rows, vocab);
  const expected = reference(logits, targets, rows, vocab, smoothing);
  const valid = expected.validCount;
  // Behind a loss: the vocabulary's sums, exponentials, a logarithm that is exact to 2^-21 only, absolutely. No term cancels.
  const terms = vocab + granted.exponential + granted.logarithm;
  const lossLimit = tolerance(terms, Math.max(1, Math.sqrt(valid) / norm(expected.losses)));
  // A row's gradient is a distribution less a one: by norm at most 2 / valid where they cancel.
  const gradientLimit = tolerance(terms + granted.division, 2 / (Math.sqrt(valid) * norm(expected.dLogits)));
  const around = (count: number) => new Array<number>(count).fill(garbage);
  await runTest((t) => {
    const z = t.input("logits", rows, vocab, logits);
    const losses = t.output("losses", before + rows + after, 1, { stride: 1 });
    const all = Int32Array.from([...around(before).fill(0), ...targets, ...around(after).fill(0)]);
    t.fill(stepTensor, stepBlock({ inverseValid: valid && 1 / valid }));
    crossEntropy(
      t.builder,
      z,
      rowsOf(t.integers("targets", all), before, rows),
      rowsOf(losses, before, rows),
      gradient,
      smoothing,
    );
    return { z, losses };
  }, async ({ z, losses }, read) => {
    const got = await read(losses);
    const chunk = got.slice(before, before + rows);
    const what = `${rows}×${vocab}`;
    assertEquals([...got.slice(0, before), ...got.slice(before + rows)], around(before + after));
    if (valid) assertClose(chunk, expected.losses, lossLimit, `losses ${what}`);
    chunk.forEach((loss, row) =>
      assert(targets[row] !== ignoredTarget || loss === 0, "an ignored row has a loss")
    );
    const dLogits = await read(z);
    if (!gradient) assertEquals(dLogits, logits);
    else if (valid) assertClose(dLogits, expected.dLogits, gradientLimit, `gradient ${what}`);
    else assertEquals(dLogits.map(Math.abs), expected.dLogits);
  }, options);
}

gpuTest("crossEntropy() equals the reference on ragged shapes", async () => {
  await check({ rows: 37, vocab: 101 });
  await check({ rows: 1, vocab: 3 });
  await check({ rows: 5, vocab: 3 });
  await check({ rows: 3, vocab: 2051 }); // each thread takes several vectors of a row
});

gpuTest(
  "crossEntropy() without the gradient leaves the logits alone",
  () => check({ rows: 37, vocab: 101, gradient: false }),
);

gpuTest("crossEntropy() over windows writes the losses of its chunk only", () =>
  check(
    { rows: 150, vocab: 101, before: 64, after: 5 },
    { limits: narrowLimits(64 * 104 * 4) },
  ));

gpuTest(
  "crossEntropy() with smoothing equals the reference, and leaves padding and ignored rows zero",
  async () => {
    const smoothing = 0.1;
    await check({ rows: 37, vocab: 101, smoothing });
    await check({ rows: 5, vocab: 3, smoothing });
    await check({ rows: 3, vocab: 2051, smoothing });
    await check({ rows: 37, vocab: 101, smoothing, gradient: false });
    // The mean of top - z is of order one: it must not be taken from sums of order 10⁴.
    await check({
      rows: 37,
      vocab: 101,
      smoothing,
      logits: normals(37 * 101, 1, 3).map((z) => Math.fround(z + 1e4)),
    });
    await check({ rows: 150, vocab: 101, smoothing, before: 64, after: 5 }, {
      limits: narrowLimits(64 * 104 * 4),
    });
  },
);

gpuTest("crossEntropy() of ignored rows alone has no loss and no gradient", async () => {
  const targets = new Int32Array(37).fill(ignoredTarget);
  await check({ rows: 37, vocab: 101, targets });
});

gpuTest("crossEntropy() of logits of ±10⁴ is finite and keeps the small losses exact", async () => {
  const vocab = 101;
  const rows = 37;
  const random = new Random(3);
  const logits = Float64Array.from({ length: rows * vocab }, () => random.below(2) ? 1e4 : -1e4);
  const pick = (row: number, value: number) => logits.subarray(row * vocab, (row + 1) * vocab).indexOf(value);
  // With the target among the largest, the loss is the logarithm of their number; else it is 2·10⁴ more.
  for (const value of [1e4, -1e4]) {
    const targets = Int32Array.from({ length: rows }, (_, row) => pick(row, value));
    await check({ rows, vocab, logits, targets });
  }
});

gpuTest("meanLoss() writes its slot of the ring and no other", async () => {
  const slot = 2;
  const losses = normals(1000, 4).map(Math.abs);
  const expected = losses.reduce((a, b) => a + b) / 997;
  await runTest((t) => {
    const ring = t.output("ring", 4, 1, { stride: 1 });
    t.fill(stepTensor, stepBlock({ slot, inverseValid: 1 / 997 }));
    meanLoss(t.builder, t.input("losses", 1000, 1, losses, { stride: 1 }), ring);
    return ring;
  }, async (ring, read) => {
    const got = await read(ring);
    assertEquals([got[0], got[1], got[3]], [garbage, garbage, garbage]);
    assertClose([got[slot]], [expected], tolerance(1000));
  });
});
