import { assert, assertEquals } from "@std/assert";
import type { Program } from "../../src/gpu/program.ts";
import { stepTensor } from "../../src/gpu/step_block.ts";
import { adamw, type AdamwArena } from "./adamw.ts";
import { adamwStep, inBlocks, nearestBf16 } from "./adamw_reference.ts";
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
} from "../testing/testing.ts";

const betas = [0.9, 0.999] as const;
const constants = { epsilon: 1e-8, weightDecay: 0.1 };
const learningRate = 0.01;
const block = 256;

/** One step: a dozen roundings, two roots, of v and of what its code is, and two quotients. */
const roundings = 12 + 2 * granted.squareRoot + 2 * granted.division;

/** How moments in a format are made, and read as numbers. */
interface Format {
  tensors(t: TestProgram, rows: number): Pick<AdamwArena, "moment1" | "moment2" | "scales">;
  read(arena: AdamwArena, program: Program): Promise<{ m: Float64Array; v: Float64Array }>;
  /** What is to be kept of moments. */
  kept(m: Float64Array, v: Float64Array): { m: Float64Array; v: Float64Array };
}

const zeros = (t: TestProgram, name: string, rows: number, dtype: "bf16" | "u8") => {
  const tensor = t.builder.tensor(name, rows, block, { category: "optimizer", dtype });
  t.fill(tensor, new Uint32Array(rows * block / (dtype === "u8" ? 4 : 2)));
  return tensor;
};

const fromBf16 = (data: ArrayBuffer) =>
  Float64Array.from(
    new Float32Array(Uint32Array.from(new Uint16Array(data), (half) => half << 16).buffer),
  );

const bf16: Format = {
  tensors: (t, rows) => ({
    moment1: zeros(t, "moment1", rows, "bf16"),
    moment2: zeros(t, "moment2", rows, "bf16"),
  }),
  read: async ({ moment1, moment2 }, program) => ({
    m: fromBf16(await program.read(moment1)),
    v: fromBf16(await program.read(moment2)),
  }),
  kept: (m, v) => ({ m: m.map(nearestBf16), v: v.map(nearestBf16) }),
};

/** In 8 bits, with the scales of `skip` blocks of others before the first. */
const eightBits = (skip: number): Format => ({
  tensors: (t, rows) => {
    const scales = t.builder.tensor("scales", skip + rows, 2, { category: "optimizer", stride: 2 });
    t.fill(scales, new Float32Array(2 * (skip + rows)).fill(7, 0, 2 * skip));
    return {
      moment1: zeros(t, "moment1", rows, "u8"),
      moment2: zeros(t, "moment2", rows, "u8"),
      scales: { tensor: scales, skip },
    };
  },
  read: async ({ moment1, moment2, scales }, program) => {
    const all = new Float32Array(await program.read(scales!.tensor));
    assertEquals(all.subarray(0, 2 * skip), new Float32Array(2 * skip).fill(7), "others' scales");
    const own = all.subarray(2 * skip);
    const [first, second] = [await program.read(moment1), await program.read(moment2)];
    const m = Float64Array.from(new Int8Array(first), (code, i) => code * own[2 * Math.floor(i / block)]);
    const roots = Array.from(
      new Uint8Array(second),
      (code, i) => code * own[2 * Math.floor(i / block) + 1],
    );
    return { m, v: Float64Array.from(roots, (root) => root ** 2) };
  },
  kept: (m, v) => inBlocks(m, v),
});

/** Ten steps, each compared with one of the reference from the very numbers that the device had before it. */
async function check(format: Format, rows: number, limits = {}): Promise<void> {
  const count = rows * block;
  await runTest((t) => {
    const arena: AdamwArena = {
      parameter: t.input("parameter", rows, block, normals(count, 1, 0.02)),
      gradient: t.input("gradient", rows, block, new Float64Array(count)),
      ...format.tensors(t, rows),
      decayed: true,
      first: 0,
    };
    adamw(t.builder, [arena], t.input("clip", 1, 1, [1], { stride: 1 }), { betas, ...constants });
    return arena;
  }, async (arena, read, program) => {
    for (let t = 1; t <= 10; t++) {
      const { m, v } = await format.read(arena, program);
      const state = { parameter: await read(arena.parameter), gradient: gradientAt(t, count), m, v };
      const begun = state.parameter.slice();
      const summed = {
        m: m.map((value, i) => Math.abs(value) + Math.abs(state.gradient[i])),
        v: v.map((value, i) => value + state.gradient[i] ** 2),
      };
      program.write(arena.gradient, padRows(state.gradient, arena.gradient));
      program.write(
        stepTensor,
        stepBlock({
          learningRate: Math.fround(learningRate),
          correction1: 1 - betas[0] ** t,
          inverseRootCorrection2: 1 / Math.sqrt(1 - betas[1] ** t),
        }),
      );
      program.run();
      const options = { learningRate: Math.fround(learningRate), beta1: betas[0], beta2: betas[1] };
      adamwStep(state, t, { ...options, ...constants }, true);
      const moved = (values: Float64Array) => values.map((value, i) => value - begun[i]);
      // The step is small beside the parameter, whose rounding it shares.
      assertClose(await read(arena.parameter), state.parameter, tolerance(roundings), `step ${t}`);
      assertClose(moved(await read(arena.parameter)), moved(state.parameter), 1e-4, `way of step ${t}`);
      const own = await format.read(arena, program);
      const kept = format.kept(m, v);
      for (const [name, exact] of [["m", m], ["v", v]] as const) {
        const expected = { kept: kept[name], exact, summed: summed[name] };
        assertMostlySame(own[name], expected, `${name} of step ${t}`);
      }
    }
  }, { ...limits, times: 0 });
}

/** Gradients of all magnitudes, with a block and some numbers that have none. */
function gradientAt(step: number, count: number): Float64Array {
  return normals(count, 100 + step).map((value, i) =>
    i < block || i % 11 === 0 ? 0 : Math.fround(value * 10 ** -(i % 9))
  );
}

/**
 * Asserts that numbers are those kept, but for few, which lie no farther from the true ones than a bit more than those do: they were nearly
 * as near to another, and came of `summed`, rounded four times.
 */
function assertMostlySame(
  own: Float64Array,
  { kept, exact, summed }: Record<"kept" | "exact" | "summed", Float64Array>,
  what: string,
): void {
  const others = [...own.keys()].filter((i) => Math.abs(own[i] - kept[i]) > 1e-5 * Math.abs(kept[i]));
  assert(others.length <= 1e-3 * own.length, `${what}: ${others.length} of ${own.length} differ`);
  for (const i of others) {
    const [error, least] = [own, kept].map((values) => Math.abs(values[i] - exact[i]));
    const limit = 1.02 * least + 4 * 2 ** -24 * summed[i];
    assert(error <= limit, `${what}: ${own[i]} for ${exact[i]}, of which ${kept[i]} is to be kept`);
  }
}

const formats = { "bf16": bf16, "8 bits": eightBits(0), "8 bits after others'": eightBits(5) };
for (const [name, format] of Object.entries(formats)) {
  gpuTest(`adamw() with moments in ${name} steps as the reference does from what was kept`, async () => {
    await check(format, 7);
    await check(format, 150, { limits: narrowLimits(64 * block * 4) });
  });
}
