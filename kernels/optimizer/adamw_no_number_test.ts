import { assert, assertEquals } from "@std/assert";
import { stepTensor } from "../../src/gpu/step_block.ts";
import { decode } from "../../src/train/halves.ts";
import { gpuTest, noNumbers, runTest, stepBlock } from "../testing/testing.ts";
import { adamw } from "./adamw.ts";

const formats = ["f32", "bf16", "f16"] as const;

for (const [weights, moments] of formats.flatMap((one) => [[one, "f32"], [one, "bf16"]] as const)) {
  gpuTest(
    `adamw() leaves none of a number whose gradient is none, weights in ${weights}, moments in ${moments}`,
    async () => {
      const cols = 64;
      const gradient = new Uint32Array(cols);
      gradient.set(noNumbers, 3);
      await runTest((t) => {
        const tensor = (name: string, dtype: typeof weights) => {
          const made = t.builder.tensor(name, 1, cols, { category: "parameters", dtype });
          t.fill(made, new Uint32Array(dtype === "f32" ? cols : cols / 2));
          return made;
        };
        const arena = {
          parameter: tensor("parameter", weights),
          gradient: tensor("gradient", "f32"),
          moment1: tensor("moment1", moments),
          moment2: tensor("moment2", moments),
          ...{ decayed: true, first: 0 },
        };
        t.fill(arena.gradient, gradient);
        t.fill(stepTensor, stepBlock({ seed: 7, learningRate: 1e-3 }));
        const clip = t.input("clip", 1, 1, [1], { stride: 1 });
        adamw(t.builder, [arena], clip, { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.1 });
        return arena;
      }, async ({ parameter, moment1, moment2 }, _read, program) => {
        for (const tensor of [parameter, moment1, moment2]) {
          const values = decode(await program.read(tensor), tensor.dtype);
          const none = [...values.keys()].filter((i) => Number.isNaN(values[i]));
          assertEquals(none, noNumbers.map((_, i) => i + 3), tensor.name);
          assert(values.every((value) => Number.isNaN(value) || value === 0));
        }
      });
    },
  );
}
