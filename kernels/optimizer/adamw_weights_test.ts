import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { bindingBytes } from "../../src/gpu/kernel.ts";
import { typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { stepTensor } from "../../src/gpu/step_block.ts";
import { adamw } from "./adamw.ts";
import { adamwStep } from "./adamw_reference.ts";
import { gpuTest, narrowLimits, normals, padRows, runTest, stepBlock } from "../testing/testing.ts";

const cols = 64;
const constants = { epsilon: 1e-8, weightDecay: 0.1 };
const betas = [0.9, 0.999] as const;
const learningRate = Math.fround(1e-4);

/** How weights in a format are read, and the distance between a number's neighbours in it. */
const formats = {
  bf16: {
    read: (data: ArrayBuffer) =>
      Float64Array.from(
        new Float32Array(Uint32Array.from(new Uint16Array(data), (half) => half << 16).buffer),
      ),
    unit: (value: number) => 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7),
  },
  f16: {
    read: (data: ArrayBuffer) => Float64Array.from(new Float16Array(data)),
    unit: (value: number) => 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10),
  },
};

/** A step from weights that the format holds, of all magnitudes: before, after, and as the reference has them in float64. */
async function stepped(
  dtype: keyof typeof formats,
  rows: number,
  seed: number,
  limits = typicalSoftwareLimits,
) {
  const count = rows * cols;
  const { read } = formats[dtype];
  const halves = new Uint16Array(count);
  normals(count, 1, 0.02).forEach((value, i) => {
    const scaled = value * 2 ** -(i % 5);
    halves[i] = dtype === "f16"
      ? new Uint16Array(Float16Array.of(scaled).buffer)[0]
      : new Uint32Array(Float32Array.of(scaled).buffer)[0] >>> 16;
  });
  const gradient = normals(count, 2);
  const state = {
    parameter: read(halves.buffer),
    gradient,
    m: new Float64Array(count),
    v: new Float64Array(count),
  };
  const options = { learningRate, beta1: betas[0], beta2: betas[1], ...constants };
  adamwStep(state, 1, options, true);
  let own = new Float64Array();
  await runTest((t) => {
    const parameter = t.builder.tensor("parameter", rows, cols, { category: "parameters", dtype });
    t.fill(parameter, halves);
    const moment = (name: string) => t.input(name, rows, cols, new Float64Array(count));
    const arena = {
      ...{ parameter, gradient: moment("gradient"), moment1: moment("moment1"), moment2: moment("moment2") },
      ...{ decayed: true, first: 0 },
    };
    adamw(t.builder, [arena], t.input("clip", 1, 1, [1], { stride: 1 }), { betas, ...constants });
    return arena;
  }, async (arena, _read, program) => {
    const { maxStorageBufferBindingSize } = limits;
    for (const binding of program.description.dispatches.flatMap(({ bindings }) => bindings)) {
      assert(bindingBytes(binding) <= maxStorageBufferBindingSize, `${binding.tensor.name} is not cut`);
    }
    program.write(arena.gradient, padRows(gradient, arena.gradient));
    program.write(
      stepTensor,
      stepBlock({
        seed,
        learningRate,
        correction1: 1 - betas[0],
        inverseRootCorrection2: 1 / Math.sqrt(1 - betas[1]),
      }),
    );
    program.run();
    own = read(await program.read(arena.parameter));
  }, { limits, times: 0 });
  return { own, exact: state.parameter };
}

for (const dtype of ["bf16", "f16"] as const) {
  gpuTest(
    `adamw() rounds weights in ${dtype} to a neighbour of the exact one, and in the mean to that one`,
    async () => {
      const { own, exact } = await stepped(dtype, 300, 7);
      const { unit } = formats[dtype];
      const off = own.map((value, i) => (value - exact[i]) / unit(exact[i]));
      // Just below a power of two the neighbour above is as near as ever.
      off.forEach((error, i) => assert(Math.abs(error) <= 1.001, `${own[i]} for ${exact[i]}`));
      const mean = off.reduce((sum, error) => sum + error, 0) / off.length;
      // An error between −1 and 1 unit, up with the likelihood of its share, deviates by 1/√6 at most.
      assert(Math.abs(mean) < 5 / Math.sqrt(6 * off.length), `${mean} units off in the mean`);
      const moved = off.filter((error) => Math.abs(error) > 0.5).length / off.length;
      assert(moved > 0.2, `${moved} went to the farther neighbour: it rounds to the nearest`);
    },
  );

  gpuTest(`adamw() rounds weights in ${dtype} by the seed and the place alone`, async () => {
    const { own } = await stepped(dtype, 150, 7);
    assertEquals((await stepped(dtype, 150, 7, narrowLimits(64 * cols * 4))).own, own);
    assertNotEquals((await stepped(dtype, 150, 8)).own, own);
  });
}
