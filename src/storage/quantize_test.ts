import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { cheapToRead } from "../../kernels/materialize.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  normals,
  padRows,
  runTest,
  stepBlock,
  type TestProgram,
  tolerance,
} from "../../kernels/testing.ts";
import type { BuilderOptions } from "../gpu/builder.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { lambda, mesa8 } from "./mesa8.ts";
import type { QuantizerOptions } from "./policy.ts";
import * as reference from "./quantize_reference.ts";
import { readClipped, readCodes, readTables } from "./testing.ts";

interface Sizes {
  rows: number;
  cols: number;
  groups: number;
}

/** Everything that storing one tensor leaves behind. */
interface Stored {
  x: Tensor;
  codes: Tensor;
  tables: Tensor;
  estimates: Tensor;
  /** The dequantized tensor in f32. */
  back: Tensor;
}

/** A software adapter's program writes what it reads of stored tensors to memory, where a test finds it. */
const materializing: Partial<BuilderOptions> = { adapterClass: "software" };

const odd: Sizes = { rows: 37, cols: 60, groups: 3 };
/** Rows of 18 channels are padded to 20; groups of 6 end within a vector of four. */
const ragged: Sizes = { rows: 5, cols: 18, groups: 3 };
const windowed: Sizes = { rows: 300, cols: 60, groups: 3 };
/** Three windows of rows, and grids that are folded. */
const narrow = { ...materializing, limits: narrowLimits(128 * 60 * 4) };

/** Emits the storing of a rows×cols tensor under a policy of its own, `streams` tensors before it. */
function store(
  { builder, output }: TestProgram,
  { rows, cols, groups }: Sizes,
  options: QuantizerOptions,
  stream = 0,
): Stored {
  const policy = mesa8(options);
  const x = output(`x ${stream}`, rows, cols);
  const operand = policy.store(builder, x, { groups }, stream);
  const [codes, tables] = operand.bindings(0).map((binding) => binding.tensor);
  const [{ estimates }] = policy.clipCounters;
  return { x, codes, tables, estimates, back: cheapToRead(builder, operand).tensor };
}

/** Data of a step: every group has a centre and a width of its own, and all widths change from step to step. */
function stepData({ rows, cols, groups }: Sizes, step: number): Float64Array {
  const width = [1, 0.6, 1.5, 3, 2.5, 0.3, 0.2, 0.8, 4, 1][step];
  return normals(rows * cols, 100 + step).map((value, i) => {
    const group = Math.floor((i % cols) / (cols / groups));
    return Math.fround(value * width * 10 ** (group - 1) + group);
  });
}

/** (x − β)·255/α in float64. */
function level(x: Float64Array, i: number, { scale, shift }: reference.ChannelTables): number {
  const channel = i % scale.length;
  return (x[i] - shift[channel]) / scale[channel];
}

/**
 * Leaves each step's ranges as they are and moves elements that lie within a thousandth of a level of where two codes meet. There the
 * accuracy that WGSL grants division, or a product fused with a sum, would decide; it moves no level below 400 by more than 2e-4.
 */
function avoidTies(x: Float64Array, sizes: Sizes, tables: reference.ChannelTables): Float64Array {
  const { minimum, maximum } = reference.groupRange(x, sizes.rows, sizes.cols, sizes.groups);
  const near = (value: number) =>
    value > -1 && value < 256 && Math.abs(value - Math.floor(value) - 0.5) < 1e-3;
  const moved = x.map((value, i) => {
    if (!near(level(x, i, tables))) return value;
    const group = Math.floor((i % sizes.cols) * sizes.groups / sizes.cols);
    const middle = (minimum[group] + maximum[group]) / 2;
    return Math.fround(value + 0.01 * tables.scale[i % sizes.cols] * Math.sign(middle - value));
  });
  moved.forEach((_, i) => assert(!near(level(moved, i, tables)), "an element is still near a tie"));
  assertEquals(reference.groupRange(moved, sizes.rows, sizes.cols, sizes.groups), { minimum, maximum });
  return moved;
}

/** Ten steps against the reference; returns how many elements it clamped below and above their range. */
async function followTenSteps(
  sizes: Sizes,
  ranges: QuantizerOptions["ranges"],
  options: Partial<BuilderOptions>,
): Promise<{ below: number; above: number }> {
  const { rows, cols, groups } = sizes;
  const clipped = { below: 0, above: 0 };
  await runTest((t) => store(t, sizes, { rounding: "nearest", ranges }), async (stored, read, program) => {
    let state: reference.RangeState | undefined;
    for (let step = 0; step < 10; step++) {
      const drawn = stepData(sizes, step);
      const observed = reference.groupRange(drawn, rows, cols, groups);
      state = reference.advanceRange(ranges === "running" ? state : undefined, observed, lambda);
      const expected = reference.channelTables(state, cols, groups);
      const x = avoidTies(drawn, sizes, expected);
      program.write(stored.x, padRows(x, stored.x));
      program.run();

      const { codes, clipped: count } = reference.quantizeNearest(x, rows, cols, expected);
      assertEquals(await readCodes(program, stored.codes), codes, `codes of step ${step}`);
      assertEquals(await readClipped(program, stored.estimates), count, `clipped elements of step ${step}`);
      x.forEach((_, i) => {
        if (level(x, i, expected) < -0.5) clipped.below++;
        if (level(x, i, expected) >= 255.5) clipped.above++;
      });
      // The shift's roundings are relative to the range, which it may cancel against: three for each step, and the tables' quotients.
      const limit = tolerance(3 * (step + 1) + granted.division);
      const tables = await readTables(program, stored.tables, cols);
      assertClose(tables.scale, expected.scale, limit, "scale");
      assertClose(tables.inverse, expected.inverse, limit, "inverse");
      tables.shift.forEach((shift, c) =>
        assertAlmostEquals(shift, expected.shift[c], limit * 255 * expected.scale[c])
      );
      assertClose(
        await read(stored.back),
        reference.dequantize(codes, rows, cols, tables),
        tolerance(2),
        "x̂",
      );
    }
  }, { ...options, times: 0 });
  return clipped;
}

for (
  const [what, sizes, options] of [
    ["37×60 values", odd, materializing],
    ["rows that end within a vector", ragged, materializing],
    ["several windows of rows", windowed, narrow],
  ] as const
) {
  gpuTest(`mesa8 stores the reference's bytes over ten steps of running ranges: ${what}`, async () => {
    const { below, above } = await followTenSteps(sizes, "running", options);
    assert(below > 0 && above > 0, `${below} elements below their range and ${above} above`);
  });
}

gpuTest("mesa8 stores the reference's bytes under each batch's own ranges, and clips nothing", async () => {
  assertEquals(await followTenSteps(odd, "current", materializing), { below: 0, above: 0 });
});

gpuTest("mesa8 gives back a constant group exactly, and its neighbours within half a step", async () => {
  const { rows, cols } = ragged;
  for (const rounding of ["nearest", "stochastic"] as const) {
    await runTest((t) => store(t, ragged, { rounding, ranges: "running" }), async (stored, read, program) => {
      const x = normals(rows * cols, 3).map((value, i) =>
        i % cols >= 6 && i % cols < 12 ? Math.fround(-0.3) : value
      );
      program.write(stored.x, padRows(x, stored.x));
      for (let step = 0; step < 3; step++) program.run();
      const { scale, inverse } = await readTables(program, stored.tables, cols);
      (await read(stored.back)).forEach((value, i) => {
        const constant = i % cols >= 6 && i % cols < 12;
        assertEquals([scale[i % cols] === 0, inverse[i % cols] === 0], [constant, constant]);
        const steps = rounding === "nearest" ? 0.5001 : 1.0001;
        assert(Math.abs(value - x[i]) <= steps * scale[i % cols], `${value} for ${x[i]}`);
      });
      assertEquals(await readClipped(program, stored.estimates), 0);
    }, { ...materializing, times: 0 });
  }
});

/** Codes of one 37×60 tensor rounded at random, by seed; `stream` as if as many tensors had been saved before. */
async function withRandomCodes(
  check: (
    x: Float64Array,
    codes: (seed: number, stream?: 0 | 1) => Promise<Uint8Array>,
    tables: reference.ChannelTables,
  ) => Promise<void>,
  sizes = odd,
  options = materializing,
): Promise<void> {
  const { rows, cols, groups } = sizes;
  const stochastic = { rounding: "stochastic", ranges: "current" } as const;
  await runTest(
    (t) => [store(t, sizes, stochastic, 0), store(t, sizes, stochastic, 1)],
    async (stored, _, program) => {
      const x = stepData(sizes, 0);
      for (const s of stored) program.write(s.x, padRows(x, s.x));
      const state = reference.advanceRange(undefined, reference.groupRange(x, rows, cols, groups), lambda);
      const codes = (seed: number, stream = 0) => {
        program.write(stepTensor, stepBlock({ seed }));
        program.run();
        return readCodes(program, stored[stream].codes);
      };
      await check(x, codes, reference.channelTables(state, cols, groups));
    },
    { ...options, times: 0 },
  );
}

gpuTest("stochastic rounding takes one of the two neighbouring codes, without bias", async () => {
  const seeds = 64;
  await withRandomCodes(async (x, codes, tables) => {
    const sums = new Float64Array(x.length);
    let rounded = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      (await codes(seed)).forEach((code, i) => {
        const error = code - level(x, i, tables);
        // 1e-3 for the roundings of the level itself, as above; the largest element's level is 255 and has no upper neighbour.
        assert(Math.abs(error) < 1 + 1e-3, `code ${code} for the level ${level(x, i, tables)}`);
        sums[i] += error;
        if (error > 0) rounded++;
      });
      /*
       * An error lies in an interval of length 1, and its mean is at most 1/512: u takes 256 values. By Hoeffding's inequality the mean of
       * n independent errors is further off than √(ln(2/p) / 2n) with probability p; 1e-6 here and below.
       */
      const n = seed * x.length;
      const mean = sums.reduce((a, b) => a + b, 0) / n;
      assert(
        Math.abs(mean) <= 1 / 512 + Math.sqrt(Math.log(2e6) / (2 * n)),
        `mean error ${mean} over ${seed} seeds`,
      );
    }
    const share = rounded / (seeds * x.length);
    assert(Math.abs(share - 0.5) < 0.02, `a share of ${share} was rounded up`);
    // Each element by itself: no fixed number is added to it.
    const bound = 1 / 512 + Math.sqrt(Math.log(2e6 * x.length) / (2 * seeds));
    sums.forEach((sum, i) =>
      assert(Math.abs(sum / seeds) <= bound, `mean error ${sum / seeds} of element ${i}`)
    );
  });
});

gpuTest("stochastic rounding repeats by seed, and differs between seeds and between tensors", async () => {
  await withRandomCodes(async (_x, codes) => {
    const first = await codes(1);
    assertNotEquals(await codes(2), first);
    assertNotEquals(await codes(1, 1), first);
    assertEquals(await codes(1), first);
  });
});

gpuTest("stochastic rounding does not depend on the windows of rows", async () => {
  const found: Uint8Array[] = [];
  const keep = async (_x: Float64Array, codes: (seed: number) => Promise<Uint8Array>) => {
    found.push(await codes(5));
  };
  await withRandomCodes(keep, windowed, narrow);
  await withRandomCodes(keep, windowed, materializing);
  assertEquals(found[0], found[1]);
});
