import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { columnTiles } from "../../kernels/shared/column_sums.ts";
import { materialize } from "../../kernels/shared/materialize.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  normals,
  padRows,
  relativeError,
  runTest,
  stepBlock,
  tolerance,
} from "../../kernels/testing/testing.ts";
import type { BuilderOptions } from "../gpu/builder.ts";
import { type Operand, plain } from "../gpu/operand.ts";
import { stepTensor } from "../gpu/step_block.ts";
import { policyNamed } from "./testing.ts";
import type { TensorStorage } from "./policy_document.ts";
import * as reference from "./quantize_reference.ts";
import {
  type Grouped,
  grouped,
  level,
  materializing,
  narrow,
  odd,
  ragged,
  type Sizes,
  stepData,
  store,
  windowed,
} from "./quantize_testing.ts";
import { readCodes, readTables, readTokenTables } from "./stored_values.ts";
import { readClipped } from "./testing.ts";

/**
 * Leaves each step's ranges as they are and moves elements that lie within a thousandth of a level of where two codes meet. There the
 * accuracy that WGSL grants division, or a product fused with a sum, would decide; it moves no level below 400 by more than 2e-4.
 * Undefined if an end of a range lies there.
 */
function avoidTies(
  x: Float64Array,
  { rows, cols, groups }: Grouped,
  tables: reference.ChannelTables,
  u: (element: number) => number,
): Float64Array | undefined {
  const { minimum, maximum } = reference.groupRange(x, rows, cols, groups);
  const near = (values: Float64Array, i: number) => {
    const rounded = level(values, i, tables) + u(i);
    return Math.abs(rounded - Math.round(rounded)) < 1e-3;
  };
  const moved = x.map((value, i) => {
    if (!near(x, i)) return value;
    const group = Math.floor((i % cols) * groups / cols);
    const middle = (minimum[group] + maximum[group]) / 2;
    const away = 0.01 * tables.scale[i % tables.scale.length];
    return value === minimum[group] || value === maximum[group]
      ? NaN
      : Math.fround(value + away * Math.sign(middle - value));
  });
  if (moved.some(Number.isNaN)) return undefined;
  moved.forEach((_, i) => assert(!near(moved, i), "an element is still near a tie"));
  assertEquals(reference.groupRange(moved, rows, cols, groups), { minimum, maximum });
  return moved;
}

/** The reference's estimates from step to step. */
class Estimates {
  #state: reference.RangeState | undefined;

  constructor(readonly as: Grouped, readonly storage: TensorStorage) {}

  /** The tables that x is quantized with. */
  of(x: Float64Array): { tables: reference.ChannelTables; advance(): void } {
    const { as: { rows, cols, groups }, storage: { ranges, lambda, bits } } = this;
    const observed = reference.groupRange(x, rows, cols, groups);
    const first = reference.advanceRange(undefined, observed, lambda);
    const next = ranges === "current" ? first : reference.advanceRange(this.#state, observed, lambda);
    const used = ranges === "delayed" ? this.#state ?? first : next;
    return {
      tables: reference.channelTables(used, cols, groups, bits),
      advance: () => void (this.#state = ranges === "delayed" && !this.#state ? first : next),
    };
  }
}

/** Steps against the reference; returns how many elements it clamped below and above their range. */
async function follow(
  sizes: Sizes,
  partial: Partial<TensorStorage>,
  { steps, ...options }: Partial<BuilderOptions> & { steps: number },
): Promise<{ below: number; above: number }> {
  const { document } = policyNamed("mesa8", partial);
  const { bits, grouping, rounding } = document;
  const { rows, cols } = sizes;
  const clipped = { below: 0, above: 0 };
  const stream = 3;
  await runTest((t) => store(t, sizes, partial, stream), async (stored, read, program) => {
    const as = grouped(sizes, grouping);
    const estimates = new Estimates(as, document);
    for (let step = 0; step < steps; step++) {
      const seed = 77 + step;
      program.write(stepTensor, stepBlock({ seed }));
      const random = reference.roundingNumbers(rows, cols, { seed, stream });
      const u = rounding === "nearest" ? () => 0.5 : (i: number) => random[i];
      let x: Float64Array | undefined, next: ReturnType<Estimates["of"]>;
      for (let attempt = 0; x === undefined; attempt++) {
        const drawn = stepData(sizes, step, attempt);
        next = estimates.of(drawn);
        x = avoidTies(drawn, as, next.tables, u);
      }
      const { tables: expected, advance } = next!;
      advance();
      program.write(stored.x, padRows(x, stored.x));
      program.run();

      const { codes, clipped: count } = reference.quantize(x, rows, cols, expected, u, bits);
      assertEquals(await readCodes(program, stored.codes), codes, `codes of step ${step}`);
      const found = stored.estimates ? await readClipped(program, stored.estimates) : 0;
      assertEquals(found, count, `clipped elements of step ${step}`);
      x.forEach((_, i) => {
        if (level(x, i, expected) + u(i) < 0) clipped.below++;
        if (level(x, i, expected) + u(i) >= 2 ** bits) clipped.above++;
      });
      // The shift's roundings are relative to the range, which it may cancel against: three for each step, and the tables' quotients.
      const limit = tolerance(3 * (step + 1) + granted.division);
      const tables = stored.estimates
        ? await readTables(program, stored.tables, cols)
        : { ...expected, ...await readTokenTables(program, stored.tables, cols) };
      assertClose(tables.scale, expected.scale, limit, "scale");
      assertClose(tables.inverse, expected.inverse, limit, "inverse");
      tables.shift.forEach((shift, c) =>
        assertAlmostEquals(shift, expected.shift[c], limit * (2 ** bits - 1) * expected.scale[c])
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

const shapes = [
  ["37×60 values", odd, materializing],
  ["rows that end within a vector", ragged, materializing],
  ["several windows of rows", windowed, narrow],
] as const;

for (const ranges of ["running", "delayed"] as const) {
  for (const [what, sizes, options] of shapes) {
    gpuTest(`mesa8 stores the reference's bytes over ten steps of ${ranges} ranges: ${what}`, async () => {
      const storage = { rounding: "nearest", ranges } as const;
      const { below, above } = await follow(sizes, storage, { ...options, steps: 10 });
      assert(below > 0 && above > 0, `${below} elements below their range and ${above} above`);
    });
  }
}

gpuTest("running and delayed ranges take λ from the policy", async () => {
  for (const ranges of ["running", "delayed"] as const) {
    for (const lambda of [0, 0.5, 0.99]) {
      await follow(ragged, { rounding: "nearest", ranges, lambda }, { ...materializing, steps: 4 });
    }
  }
});

gpuTest("mesa8 stores the reference's bytes under each batch's own ranges, and clips nothing", async () => {
  const storage = { rounding: "nearest", ranges: "current" } as const;
  assertEquals(await follow(odd, storage, { ...materializing, steps: 10 }), { below: 0, above: 0 });
});

for (const bits of [8, 4, 2] as const) {
  for (const grouping of ["tensor", "head", "token", { channels: 3 }, { token_channels: 3 }] as const) {
    const byToken = grouping === "token" || typeof grouping === "object" && "token_channels" in grouping;
    const group = typeof grouping === "string" ? grouping : JSON.stringify(grouping);
    gpuTest(`${bits} bits with a range for each ${group} are the reference's, however rounded`, async () => {
      for (const rounding of ["nearest", "stochastic"] as const) {
        for (const ranges of byToken ? ["current"] as const : ["running", "delayed"] as const) {
          const storage = { bits, grouping, rounding, ranges };
          await follow({ ...ragged, heads: 2 }, storage, { ...materializing, steps: 3 });
          await follow({ rows: 131, cols: 3, heads: 1 }, storage, { ...materializing, steps: 2 });
        }
      }
    });
  }

  gpuTest(`${bits} bits over windows of rows are the reference's`, async () => {
    for (const ranges of ["running", "delayed"] as const) {
      await follow(windowed, { bits, ranges }, { ...narrow, steps: 2 });
    }
    const qkv = { ...windowed, parts: 3, heads: 1 };
    await follow(qkv, { bits, grouping: "token", ranges: "current" }, { ...narrow, steps: 2 });
  });

  gpuTest(`${bits} bits of rows wider than a workgroup are the reference's`, async () => {
    const wide = { rows: 3, cols: 3 * 700, heads: 5, parts: 3 };
    const token = { bits, grouping: "token", ranges: "current" } as const;
    await follow(wide, token, { ...materializing, steps: 1 });
    // More than registers keep; parts end within a vector.
    await follow({ ...wide, cols: 3 * 1501 }, token, { ...materializing, steps: 1 });
    await follow(wide, { bits, grouping: { channels: 28 }, ranges: "delayed" }, {
      ...materializing,
      steps: 2,
    });
  });
}

gpuTest("rows wide enough for tiles of 64 vectors are stored as the reference's bytes", async () => {
  // More rows than a workgroup loads at once; groups end within a vector and rows within a word.
  const wide = { rows: 18, cols: 67590, heads: 3 };
  assertEquals(columnTiles(wide.rows, 67592 / 4), { lanes: 64, chunk: 128 });
  for (const storage of [{ ranges: "running" }, { ranges: "delayed", bits: 2 }] as const) {
    await follow(wide, { rounding: "nearest", ...storage }, { ...materializing, steps: 2 });
  }
});

gpuTest("a product reads codes as they are read one by one, over windows too", async () => {
  const { rows, cols, heads } = { ...windowed, cols: 61, heads: 1 };
  for (const bits of [8, 4, 2] as const) {
    for (const storage of [{ ranges: "running" }, { ranges: "current", grouping: "token" }] as const) {
      const policy = policyNamed("mesa8", { bits, ...storage });
      await runTest((t) => {
        const x = t.input("x", rows, cols, normals(rows * cols, 1));
        const y = plain(t.input("y", rows, 4, normals(rows * 4, 2)));
        const kept = policy.store(t.builder, x, { kind: "linear", layer: 0, heads }, "x");
        const written = t.output("written", rows, cols);
        materialize(t.builder, kept, written);
        const product = (a: Operand) => {
          const c = t.output("c", cols, 4);
          matmul(t.builder, "tn", a, y, c);
          return c;
        };
        return { direct: product(kept), expected: product(plain(written)), x, written };
      }, async ({ direct, expected, x, written }, read) => {
        assert(relativeError(await read(written), await read(x)) > 1e-4, "nothing was stored in fewer bits");
        assertClose(await read(direct), await read(expected), tolerance(rows));
      }, { adapterClass: "gpu", limits: narrowLimits(128 * 64 * 4) });
    }
  }
});

gpuTest("a constant group is given back exactly, and its neighbours within half a step", async () => {
  const { rows, cols } = ragged;
  const storages = [
    { ranges: "running" },
    { ranges: "delayed" },
    { ranges: "current", grouping: "token" },
  ] as const;
  for (const rounding of ["nearest", "stochastic"] as const) {
    for (const storage of storages) {
      await runTest((t) => store(t, ragged, { rounding, ...storage }), async (stored, read, program) => {
        const x = normals(rows * cols, 3).map((value, i) =>
          i % cols >= 6 && i % cols < 12 ? Math.fround(-0.3) : value
        );
        program.write(stored.x, padRows(x, stored.x));
        for (let step = 0; step < 3; step++) program.run();
        const { scale } = stored.estimates
          ? await readTables(program, stored.tables, cols)
          : await readTokenTables(program, stored.tables, cols);
        (await read(stored.back)).forEach((value, i) => {
          const constant = i % cols >= 6 && i % cols < 12;
          const step = scale[i % scale.length];
          assertEquals(step === 0, constant);
          const steps = rounding === "nearest" ? 0.5001 : 1.0001;
          assert(Math.abs(value - x[i]) <= steps * step, `${value} for ${x[i]}`);
        });
        if (stored.estimates) assertEquals(await readClipped(program, stored.estimates), 0);
      }, { ...materializing, times: 0 });
    }
  }
});
