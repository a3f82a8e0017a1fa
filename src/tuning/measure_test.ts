import { assert, assertEquals } from "@std/assert";
import { attentionKey } from "../../kernels/attention/attention_shape.ts";
import { matmulKey } from "../../kernels/products/matmul_choice.ts";
import { gpuTest, noMatrices, testGpu } from "../../kernels/testing/testing.ts";
import { builderOptionsFor, ProgramBuilder } from "../gpu/builder.ts";
import type { Gpu } from "../gpu/device.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import type { Program } from "../gpu/program.ts";
import { burstMedians, measureCandidates } from "./measure.ts";
import { type TuningCase, tuningCase } from "./tuning_case.ts";

const key = matmulKey("nn", { m: 64, n: 128, k: 64 });
const own = await testGpu();

/** The adapter at hand in the part of a GPU: it runs the same kernels, only slowly. */
const gpu: Gpu = { ...own, adapter: { ...own.adapter, class: "gpu" } };
const options = builderOptionsFor(gpu);

gpuTest(
  "measureCandidates() gives every candidate of a product and of attention a time",
  async () => {
    for (
      const asked of [
        key,
        "attention_backward_query causal 1×1×40×8",
        "attention_backward_key causal 1×4:2×40×8",
      ]
    ) {
      const given = tuningCase(asked, options);
      const two = { ...given, candidates: given.candidates.slice(0, 2) };
      const times = await measureCandidates(gpu, asked, two, options);
      assertEquals(times.length, two.candidates.length);
      assert(times.every((ms) => ms > 0 && ms < Infinity), `${times}`);
    }
  },
);

gpuTest(
  "measureCandidates() times a product of scaled halves by the variant of its own key",
  async () => {
    const inF16 = { ...builderOptionsFor(own), arithmetic: "f16" } as const;
    for (const halved of [{ a: true }, { b: true }, { a: true, b: true }]) {
      const asked = matmulKey("tn", { m: 70, n: 92, k: 101 }, halved);
      const given = tuningCase(asked, inF16);
      const dtypes = given.inputs.map(({ dtype }) => dtype);
      assertEquals(dtypes, (["a", "b"] as const).map((name) => name in halved ? "f16" : "f32"));
      const builder = new ProgramBuilder("product", { ...inF16, scales: new OperandScales() });
      given.emit(builder);
      assertEquals(Object.keys(builder.build().variants), [asked]);
      const [ms] = await measureCandidates(own, asked, given, inF16);
      assert(ms > 0 && ms < Infinity, `${ms}`);
    }
  },
  await noMatrices(),
);

gpuTest(
  "measureCandidates() times attention over scaled halves by the variant of its own key",
  async () => {
    const inF16 = { ...builderOptionsFor(own), arithmetic: "f16" } as const;
    const shape = { batch: 1, sequence: 40, heads: 2, headSize: 8, causal: true };
    for (
      const [kernel, halved, dtypes] of [
        ["forward", { qkv: true }, ["f16", "f16", "f16"]],
        ["backward_query", { d: true }, ["f32", "f16", "f32", "f32"]],
        ["backward_key", { qkv: true, d: true }, ["f16", "f16", "f16", "f16", "f32", "f32"]],
      ] as const
    ) {
      const asked = attentionKey(kernel, shape, halved);
      const given = tuningCase(asked, inF16);
      assertEquals(given.inputs.map(({ dtype }) => dtype), [...dtypes]);
      const [ms] = await measureCandidates(own, asked, given, inF16);
      assert(ms > 0 && ms < Infinity, `${ms}`);
    }
  },
  await noMatrices(),
);

/** A case whose candidates' kernels have their names; "broken" does not compile. */
function namedCase(candidates: string[]): TuningCase {
  const [output] = tuningCase(key, options).outputs;
  return {
    ...{ candidates, inputs: [output], outputs: [] },
    emit(builder) {
      const label = builder.variantFor(key, "");
      const body = label === "broken" ? "c[0] = ;" : "c[0] = c[0];";
      const code = `@group(0) @binding(1) var<storage, read_write> c: array<f32>;
        @compute @workgroup_size(1) fn main() { ${body} }`;
      builder.dispatch({
        kernel: { label, code },
        bindings: [{ group: 0, index: 1, tensor: output, access: "update" }],
        ...{ parameters: {}, workgroups: 1, flops: 0 },
      });
    },
  };
}

gpuTest(
  "measureCandidates() times all that compile, and again those near the fastest, in longer bursts",
  async () => {
    const looks: { names: string[]; runs: readonly number[]; rounds: number }[] = [];
    const script: Record<string, number>[] = [{ table: 1, near: 0.8, slow: 1.1 }, { table: 0.7, near: 0.9 }];
    const timePrograms = (_: Gpu, programs: readonly Program[], runs: readonly number[], rounds: number) => {
      const names = programs.map(({ description }) => description.dispatches[0].kernel.label);
      const times = script[looks.length];
      looks.push({ names, runs, rounds });
      return Promise.resolve(names.map((name) => times[name]));
    };
    const given = namedCase(["table", "slow", "broken", "near"]);
    const times = await measureCandidates(gpu, key, given, options, timePrograms);
    assertEquals(times, [0.7, 1.1, Infinity, 0.9]);
    assertEquals(looks, [
      { names: ["table", "slow", "near"], runs: [1, 1, 1], rounds: 2 },
      { names: ["table", "near"], runs: [2, 3], rounds: 7 }, // bursts of 2 ms; at most 1.3 times 0.8
    ]);
  },
);

Deno.test("burstMedians() gives each program the median of its own bursts, by the runs in one", () => {
  assertEquals(burstMedians([1, 20, 3, 40, 9, 90], [1, 4]), [3, 10]);
});

gpuTest("measureCandidates() gives candidates of which none compiles no time at all", async () => {
  assertEquals(await measureCandidates(gpu, key, namedCase(["broken"]), options), [Infinity]);
});
