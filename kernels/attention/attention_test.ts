import { plain } from "../../src/gpu/operand.ts";
import { assertEquals } from "@std/assert";
import {
  attentionBackward,
  attentionForward,
  type AttentionOptions,
  attentionVariants,
} from "./attention.ts";
import {
  attentionBackward as backwardReference,
  attentionForward as forwardReference,
} from "./attention_reference.ts";
import { blockRows } from "./attention_template.ts";
import { assertClose, gpuTest, normals, runTest, testGpu, tolerance } from "../testing/testing.ts";

const cases = [
  { batch: 2, sequence: 37, heads: 3, headSize: 20, causal: true },
  { batch: 1, sequence: 130, heads: 2, headSize: 32, causal: true },
  { batch: 2, sequence: 5, heads: 3, headSize: 11, causal: true },
  { batch: 1, sequence: 70, heads: 1, headSize: 64, causal: true },
  { batch: 1, sequence: 33, heads: 1, headSize: 128, causal: true },
  { batch: 2, sequence: 37, heads: 3, headSize: 16, causal: false },
];

async function check(
  shape: typeof cases[number],
  options: AttentionOptions = {},
  binding?: number,
): Promise<void> {
  const { batch, sequence, heads, headSize } = shape;
  const rows = batch * sequence;
  const width = heads * headSize;
  const qkv = normals(rows * 3 * width, 1);
  const dOutput = normals(rows * width, 2);
  const forward = forwardReference(qkv, shape);
  const dQkv = backwardReference(dOutput, qkv, forward.output, forward.logSumExp, shape);
  // Scores sum headSize products, outputs the sequence; exp turns the scores' absolute error into a relative one of their size (≤ 6).
  const limit = tolerance(headSize + sequence, 6);
  const limits = binding && {
    maxBufferSize: 2 ** 30,
    maxStorageBufferBindingSize: binding,
    maxComputeWorkgroupStorageSize: 32768,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupsPerDimension: 65535,
  };
  await runTest((t) => {
    const input = plain(t.input("qkv", rows, 3 * width, qkv));
    const d = t.input("d", rows, width, dOutput);
    const o = t.output("o", rows, width);
    const lse = t.output("log-sum-exp", rows, heads, { stride: heads });
    const dqkv = t.output("dqkv", rows, 3 * width);
    attentionForward(t.builder, input, o, lse, shape, options);
    attentionBackward(t.builder, input, plain(o), lse, d, dqkv, shape, options);
    return { o, lse, dqkv };
  }, async ({ o, lse, dqkv }, read) => {
    assertClose(await read(o), forward.output, limit, "output");
    assertClose(await read(lse), forward.logSumExp, limit, "log-sum-exp");
    assertClose(await read(dqkv), dQkv, limit, "gradient");
  }, limits ? { limits } : {});
}

for (const shape of cases) {
  const { batch, sequence, heads, headSize, causal } = shape;
  const name = `${batch}×${sequence} tokens, ${heads} heads of ${headSize}${causal ? "" : ", not causal"}`;
  gpuTest(`attention equals the reference, forward and backward: ${name}`, () => check(shape));
}

const variants = [
  { threads: 64, split: 1, shuffle: false, rows: 1, tile: 32, unroll: 4 },
  { threads: 32, split: 2, shuffle: false, rows: 1, tile: 16, unroll: 2 },
  { threads: 16, split: 1, shuffle: false, rows: 3, tile: 16, unroll: 1 },
  { threads: 16, split: 4, shuffle: false, rows: 2, tile: 8, unroll: 2 },
  { threads: 32, split: 4, shuffle: true, rows: 2, tile: 8, unroll: 1 },
  { threads: 96, split: 2, shuffle: false, rows: 1, tile: 16, unroll: 2 },
];
for (const variant of variants) {
  const how = variant.shuffle ? " by shuffles" : "";
  gpuTest(
    `attention equals the reference with ${variant.split} threads a row${how} and ${variant.rows} rows a thread`,
    async () => {
      if (variant.shuffle && (await testGpu()).subgroupSize < variant.split) {
        return console.log("skipped: this adapter has no subgroups");
      }
      const shape = cases[0];
      const own = { headSize: shape.headSize, causal: shape.causal, ...variant };
      await check(shape, { variants: { forward: own, backward_query: own, backward_key: own } });
    },
  );
}

Deno.test("attentionVariants() takes the block of rows that leaves least of its last one empty", () => {
  const gpu = { adapterClass: "gpu", subgroupSize: 32 } as const;
  const rowsOf = (sequence: number, headSize = 64) =>
    blockRows(attentionVariants("forward", { headSize, causal: false, sequence }, gpu)[0]);
  // 16 blocks of 64 for 1024; two of 112 for the 197 tokens of a DeiT; one of 80 for 65, one of 64 for 50.
  assertEquals([1024, 197, 65, 50].map((sequence) => rowsOf(sequence)), [64, 112, 80, 64]);
  assertEquals(rowsOf(197, 128), 48, "at most 256 threads, four a row");
});

gpuTest(
  "attention over windows of whole sequences equals the whole",
  () => check({ batch: 5, sequence: 64, heads: 2, headSize: 8, causal: true }, {}, 2 * 64 * 48 * 4),
);
