import { assert, assertEquals, assertThrows } from "@std/assert";
import { type BuilderOptions, gpuWith, ProgramBuilder } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { plain } from "../../src/gpu/operand.ts";
import { OperandScales } from "../../src/gpu/operand_scales.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { halvesFor, inHalves } from "../products/scaled_halves.ts";
import { endOfStep, lookFirst, numbersSeen } from "../products/scales.ts";
import { seenOf } from "../products/scales_testing.ts";
import {
  digestOf,
  gpuTest,
  narrowLimits,
  noMatrices,
  normals,
  padRows,
  runTest,
  testGpu,
} from "../testing/testing.ts";
import { attentionBackwardKey, attentionBackwardQuery, attentionForwardKernel } from "./attention.ts";
import { unseen, writtenApart } from "./attention_inputs.ts";
import { indexOf } from "./attention_matrix_scales.ts";
import { type AttentionShape, type HalvedInputs, qkvColumns } from "./attention_shape.ts";

const missing = await noMatrices();
const compilesSlowly = (await testGpu()).adapter.class === "software";

/** Six steps of attention's kernels, forward's too over halves of q, k and v: what they gave, what was seen, and how many numbers were. */
async function steps(
  shape: AttentionShape,
  { qkv: inputsHalved, d: dHalved }: HalvedInputs,
  { observes = true, ...options }: Partial<BuilderOptions> & { observes?: boolean } = {},
) {
  const { batch, sequence, heads, headSize } = shape;
  const [rows, width, all] = [batch * sequence, heads * headSize, qkvColumns(shape)];
  const scales = new OperandScales();
  const results: string[] = [];
  const seen: { largest: number; clipped: number }[][] = [];
  let numbers = 0;
  await runTest(({ builder, input, output }) => {
    const [qkv, d] = [input("qkv", rows, all, []), input("d", rows, width, [])];
    const [o, lse] = [output("o", rows, width), output("log-sum-exp", rows, heads, { stride: heads })];
    const delta = input("delta", rows, heads, normals(rows * heads, 9), { stride: heads });
    const dqkv = output("dqkv", rows, all);
    const inputsFor = (key: string) => {
      const scaling = { key, observes };
      return inputsHalved ? writtenApart(builder, plain(qkv), shape, scaling) : plain(qkv);
    };
    const forward = { scaling: { key: "attention", observes } };
    const inputs = inputsFor("attention");
    lookFirst(builder, unseen(inputs, shape), forward.scaling);
    attentionForwardKernel(builder, inputs, o, lse, shape, forward);
    const backward = { scaling: { key: "d attention", observes } };
    const again = inputsFor("d attention");
    const dO = dHalved
      ? inHalves(builder, plain(d), halvesFor(builder, d), backward.scaling, indexOf("d"))
      : plain(d);
    lookFirst(builder, unseen(again, shape, dO), backward.scaling);
    const statistics = { logSumExp: lse, delta };
    attentionBackwardQuery(builder, again, statistics, dO, dqkv, shape, backward);
    attentionBackwardKey(builder, again, statistics, dO, dqkv, shape, backward);
    endOfStep(builder);
    return { qkv, d, o, lse, dqkv };
  }, async ({ qkv, d, o, lse, dqkv }, read, program) => {
    const words = async (tensor: Tensor) => new Uint32Array(await program.read(tensor));
    // The third is beyond halves by the second's scales; the last is far below it.
    for (const [step, deviation] of [0.1, 0.3, 60, 20, 0.2, 0.1].entries()) {
      for (const [tensor, count] of [[qkv, rows * all], [d, rows * width]] as const) {
        program.write(tensor, padRows(normals(count, 10 * step + count % 7, deviation), tensor));
      }
      program.run();
      for (const tensor of [o, lse, dqkv]) {
        results.push(`${tensor.name} of step ${step}: ${await digestOf(await read(tensor))}`);
      }
      for (const key of ["attention", "d attention"]) {
        seen.push(seenOf(await words(scales.of(key)), (await words(scales.turn))[0]));
      }
    }
    numbers = numbersSeen(program.description.dispatches);
  }, { arithmetic: "f16", scales, times: 0, ...options });
  return { results, seen, numbers };
}

const cases = [
  { shape: { batch: 2, sequence: 37, heads: 3, headSize: 8, causal: true } },
  { shape: { batch: 1, sequence: 21, heads: 2, headSize: 16, causal: false } },
  { shape: { batch: 2, sequence: 37, heads: 6, keyHeads: 2, headSize: 8, causal: true } },
  { shape: { batch: 1, sequence: 133, heads: 8, keyHeads: 2, headSize: 64, causal: true }, slow: true },
  { shape: { batch: 2, sequence: 18, heads: 2, headSize: 24, causal: true }, slow: true },
  { shape: { batch: 1, sequence: 300, heads: 2, headSize: 64, causal: true }, slow: true },
  { shape: { batch: 2, sequence: 21, heads: 1, headSize: 8, causal: true }, observes: false },
  { shape: { batch: 2, sequence: 40, heads: 1, headSize: 8, causal: true }, flopsPerDispatch: 1 },
  {
    shape: { batch: 3, sequence: 64, heads: 1, headSize: 8, causal: true },
    limits: narrowLimits(64 * 24 * 4),
  },
];

for (const halved of [{ qkv: true }, { d: true }, { qkv: true, d: true }]) {
  gpuTest(
    `attention over scaled halves, ${
      Object.keys(halved).join(" and ")
    }, has the bits that it has over numbers, and sees the same`,
    async () => {
      for (const { shape, slow, ...options } of cases) {
        if (slow && compilesSlowly) continue;
        const given = await steps(shape, {}, options);
        assertEquals(await steps(shape, halved, options), given, JSON.stringify(shape));
        if (options.observes === false) continue;
        const clipped = given.seen[5].map((operand) => operand.clipped).slice(0, 4); // backward's, of the third step
        assert(Math.min(...clipped) > 5, `${clipped} clipped numbers show little`);
        assert(given.numbers > 0);
      }
    },
    missing,
  );
}

Deno.test("attention over scaled halves is refused without the scales that they were written by", () => {
  const scaled = { ...gpuWith(typicalGpuLimits), arithmetic: "f16", scales: new OperandScales() } as const;
  const builder = new ProgramBuilder("test", scaled);
  const shape = { batch: 1, sequence: 64, heads: 1, headSize: 64, causal: true };
  const tensor = (cols: number) => builder.tensor("x", 64, cols, { category: "transient", stride: cols });
  const inputs = writtenApart(builder, plain(tensor(192)), shape, { key: "attention", observes: true });
  assertThrows(
    () => attentionForwardKernel(builder, inputs, tensor(64), tensor(1), shape),
    Error,
    "scaled operands, and no scales",
  );
});
