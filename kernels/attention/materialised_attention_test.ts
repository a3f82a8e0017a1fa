import { assert } from "@std/assert";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { instantiate, type Operand, plain } from "../../src/gpu/operand.ts";
import { padded, type Tensor } from "../../src/gpu/tensor.ts";
import { attentionBackward as fusedBackward, attentionForward as fusedForward } from "./attention.ts";
import { type AttentionShape, qkvColumns } from "./attention_shape.ts";
import { attentionBackward, attentionForward } from "./attention_reference.ts";
import { attentionOutput, attentionScores, materialisedBackward } from "./materialised_attention.ts";
import {
  attentionProbabilities,
  materialisedBackward as backwardReference,
} from "./materialised_attention_reference.ts";
import { scoreColumns, softmaxForward } from "./softmax.ts";
import {
  assertClose,
  gpuTest,
  narrowLimits,
  normals,
  relativeError,
  runTest,
  type TestProgram,
  tolerance,
} from "../testing/testing.ts";

const cases: AttentionShape[] = [
  { batch: 2, sequence: 37, heads: 3, headSize: 5, causal: true },
  { batch: 2, sequence: 37, heads: 3, headSize: 7, causal: false },
  { batch: 1, sequence: 197, heads: 2, headSize: 64, causal: false },
  { batch: 1, sequence: 130, heads: 2, headSize: 16, causal: true },
  { batch: 3, sequence: 1, heads: 2, headSize: 5, causal: true },
  { batch: 2, sequence: 37, heads: 6, keyHeads: 3, headSize: 14, causal: true },
  { batch: 1, sequence: 45, heads: 4, keyHeads: 1, headSize: 16, causal: false },
];

/** GPUs' variants, on whatever adapter there is. */
const tiled: Partial<BuilderOptions> = { adapterClass: "gpu" };

/** Scores sum headSize products, outputs the sequence; exp turns the scores' absolute error into a relative one of their size (≤ 6). */
const limitOf = ({ headSize, sequence }: AttentionShape) => tolerance(headSize + sequence, 6);

function values(shape: AttentionShape) {
  const rows = shape.batch * shape.sequence;
  return {
    qkv: normals(rows * qkvColumns(shape), 1),
    dOutput: normals(rows * shape.heads * shape.headSize, 2),
  };
}

function inputs(t: TestProgram, shape: AttentionShape): { qkv: Tensor; d: Tensor } {
  const rows = shape.batch * shape.sequence;
  const width = shape.heads * shape.headSize;
  const { qkv, dOutput } = values(shape);
  return { qkv: t.input("qkv", rows, qkvColumns(shape), qkv), d: t.input("d", rows, width, dOutput) };
}

/** Emits forward, scores and probabilities in one matrix, and backward. */
function emit(t: TestProgram, shape: AttentionShape, { qkv, d } = inputs(t, shape)) {
  const p = t.output("p", qkv.rows, scoreColumns(shape));
  const o = t.output("o", qkv.rows, d.cols);
  const dqkv = t.output("dqkv", qkv.rows, qkv.cols);
  attentionScores(t.builder, plain(qkv), p, shape);
  softmaxForward(t.builder, p, p, shape);
  attentionOutput(t.builder, plain(p), plain(qkv), o, shape);
  materialisedBackward(t.builder, plain(qkv), plain(p), plain(p), d, dqkv, shape);
  return { p, o, dqkv };
}

/** Rows of dense keys by head, laid out as scores are. */
function layKeys(dense: Float64Array, { sequence }: AttentionShape): Float64Array {
  const out = new Float64Array(dense.length / sequence * padded(sequence));
  dense.forEach((value, i) => out[Math.floor(i / sequence) * padded(sequence) + i % sequence] = value);
  return out;
}

async function check(shape: AttentionShape, options: Partial<BuilderOptions> = {}): Promise<void> {
  const { qkv, dOutput } = values(shape);
  const forward = attentionForward(qkv, shape);
  const dQkv = attentionBackward(dOutput, qkv, forward.output, forward.logSumExp, shape);
  await runTest((t) => emit(t, shape), async ({ p, o, dqkv }, read) => {
    const limit = limitOf(shape);
    assertClose(await read(p), layKeys(attentionProbabilities(qkv, shape), shape), limit, "probabilities");
    assertClose(await read(o), forward.output, limit, "output");
    assertClose(await read(dqkv), dQkv, limit, "gradient");
  }, options);
}

for (const shape of cases) {
  const { batch, sequence, heads, headSize, causal } = shape;
  const name = `${batch}×${sequence} tokens, ${heads} heads of ${headSize}${causal ? "" : ", not causal"}`;
  gpuTest(`materialised attention equals the reference, forward and backward: ${name}`, async () => {
    await check(shape);
    await check(shape, tiled);
  });
}

gpuTest(
  "materialised attention over windows of whole sequences equals the whole",
  () =>
    check({ batch: 5, sequence: 64, heads: 2, headSize: 8, causal: true }, {
      limits: narrowLimits(2 * 64 * 2 * 64 * 4),
    }),
);

gpuTest("materialised and fused attention agree", async () => {
  const shape = cases[3];
  await runTest((t) => {
    const given = inputs(t, shape);
    const { qkv, d } = given;
    const o = t.output("o, fused", d.rows, d.cols);
    const logSumExp = t.output("log-sum-exp", d.rows, shape.heads, { stride: shape.heads });
    const dqkv = t.output("dqkv, fused", qkv.rows, qkv.cols);
    fusedForward(t.builder, plain(qkv), o, logSumExp, shape);
    fusedBackward(t.builder, plain(qkv), plain(o), logSumExp, d, dqkv, shape);
    return { fused: { o, dqkv }, materialised: emit(t, shape, given) };
  }, async ({ fused, materialised }, read) => {
    const limit = 2 * limitOf(shape);
    assertClose(await read(materialised.o), await read(fused.o), limit, "output");
    assertClose(await read(materialised.dqkv), await read(fused.dqkv), limit, "gradient");
  });
});

/** Probabilities in 8 bits, one range for all: codes are multiples of 1/255. */
function eightBits(codes: Tensor): Operand {
  const text = `
@group(GROUP) @binding(0) var<storage, read> NAME_codes: array<u32>;
fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return unpack4x8unorm(NAME_codes[index]);
}
`;
  return {
    tensor: codes,
    cost: "light",
    code: (name, group) => instantiate(text, name, group),
    bindings: (group, window) => [{ group, index: 0, tensor: codes, access: "read", ...window }],
  };
}

for (const options of [{}, tiled]) {
  gpuTest(
    `materialised attention's gradient is that of the probabilities as they were kept${
      options === tiled ? ", read by GPUs' products" : ""
    }`,
    async () => {
      const shape = cases[1];
      const { qkv, dOutput } = values(shape);
      const exact = attentionProbabilities(qkv, shape);
      // Two copies, rounded down and up, so that one in the place of the other shows.
      const [down, up] = [Math.floor, Math.ceil].map((round) => exact.map((p) => round(255 * p)));
      const [forV, forS] = [down, up].map((codes) => codes.map((code) => code / 255));
      const expected = backwardReference(dOutput, qkv, { forV, forS }, shape);
      const swapped = backwardReference(dOutput, qkv, { forV: forS, forS: forV }, shape);
      assert(relativeError(swapped, expected) > 1e-3);
      await runTest(
        (t) => {
          const given = inputs(t, shape);
          const [keptForV, keptForS] = [down, up].map((codes, i) => {
            const tensor = t.builder.tensor(`p ${i} (8 bits)`, given.d.rows, scoreColumns(shape), {
              category: "saved",
              dtype: "u8",
            });
            t.fill(tensor, Uint8Array.from(layKeys(codes, shape)));
            return eightBits(tensor);
          });
          const dqkv = t.output("dqkv", given.qkv.rows, given.qkv.cols);
          materialisedBackward(t.builder, plain(given.qkv), keptForV, keptForS, given.d, dqkv, shape);
          return dqkv;
        },
        async (dqkv, read) => assertClose(await read(dqkv), expected, limitOf(shape)),
        options,
      );
    },
  );
}
