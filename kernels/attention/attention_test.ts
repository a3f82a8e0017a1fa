import { plain } from "../../src/gpu/operand.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type BuilderOptions, gpuWith, ProgramBuilder } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { bindingBytes } from "../../src/gpu/kernel.ts";
import { padded } from "../../src/gpu/tensor.ts";
import { attentionBackward, attentionBackwardKey, attentionForward } from "./attention.ts";
import { attentionVariants } from "./attention_choice.ts";
import type { AttentionOptions } from "./attention_emit.ts";
import { attentionKey, type AttentionShape, parseAttentionKey, qkvColumns } from "./attention_shape.ts";
import {
  attentionBackward as backwardReference,
  attentionForward as forwardReference,
} from "./attention_reference.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { attentionVariantName, onMatrices, ownBlock } from "./attention_variant.ts";
import {
  assertClose,
  gpuTest,
  narrowLimits,
  normals,
  runTest,
  testGpu,
  type TestProgram,
  tolerance,
} from "../testing/testing.ts";

const cases = [
  { batch: 2, sequence: 37, heads: 3, headSize: 20, causal: true },
  { batch: 1, sequence: 130, heads: 2, headSize: 32, causal: true },
  { batch: 2, sequence: 5, heads: 3, headSize: 11, causal: true },
  { batch: 1, sequence: 70, heads: 1, headSize: 64, causal: true },
  { batch: 1, sequence: 33, heads: 1, headSize: 128, causal: true },
  { batch: 2, sequence: 37, heads: 3, headSize: 16, causal: false },
  { batch: 2, sequence: 37, heads: 6, keyHeads: 3, headSize: 14, causal: true },
  { batch: 1, sequence: 70, heads: 8, keyHeads: 2, headSize: 16, causal: true },
  { batch: 2, sequence: 21, heads: 5, keyHeads: 1, headSize: 11, causal: false },
];

function values(shape: AttentionShape) {
  const { batch, sequence, heads, headSize } = shape;
  const rows = batch * sequence;
  return { qkv: normals(rows * qkvColumns(shape), 1), dOutput: normals(rows * heads * headSize, 2) };
}

/** Emits forward, and backward from its output. */
function emit(t: TestProgram, shape: AttentionShape, options: AttentionOptions) {
  const { batch, sequence, heads, headSize } = shape;
  const { qkv, dOutput } = values(shape);
  const [rows, width] = [batch * sequence, heads * headSize];
  const columns = qkvColumns(shape);
  const input = plain(t.input("qkv", rows, columns, qkv));
  const d = t.input("d", rows, width, dOutput);
  const o = t.output("o", rows, width);
  const lse = t.output("log-sum-exp", rows, heads, { stride: heads });
  const dqkv = t.output("dqkv", rows, columns);
  attentionForward(t.builder, input, o, lse, shape, options);
  attentionBackward(t.builder, input, plain(o), lse, d, dqkv, shape, options);
  return { o, lse, dqkv };
}

async function check(
  shape: AttentionShape,
  options: AttentionOptions = {},
  builderOptions: Partial<BuilderOptions> = {},
): Promise<void> {
  const { sequence, headSize } = shape;
  const { qkv, dOutput } = values(shape);
  const forward = forwardReference(qkv, shape);
  const dQkv = backwardReference(dOutput, qkv, forward.output, forward.logSumExp, shape);
  // Scores sum headSize products, outputs the sequence; exp turns the scores' absolute error into a relative one of their size (≤ 6).
  const limit = tolerance(headSize + sequence, 6);
  await runTest((t) => emit(t, shape, options), async ({ o, lse, dqkv }, read) => {
    assertClose(await read(o), forward.output, limit, "output");
    assertClose(await read(lse), forward.logSumExp, limit, "log-sum-exp");
    assertClose(await read(dqkv), dQkv, limit, "gradient");
  }, builderOptions);
}

for (const shape of cases) {
  const { batch, sequence, heads, keyHeads, headSize, causal } = shape;
  const shared = keyHeads ? ` on ${keyHeads} of keys` : "";
  const name = `${batch}×${sequence} tokens, ${heads} heads of ${headSize}${shared}${
    causal ? "" : ", not causal"
  }`;
  gpuTest(`attention equals the reference, forward and backward: ${name}`, () => check(shape));
}

const { subgroupSize } = await testGpu();
const variants = [
  { threads: 64, split: 1, sums: "exchanged" as const, rows: 1, tile: 32, unroll: 4 },
  { threads: 32, split: 2, sums: "exchanged" as const, rows: 1, tile: 16, unroll: 2 },
  { threads: 16, split: 1, sums: "exchanged" as const, rows: 3, tile: 16, unroll: 1 },
  { threads: 16, split: 4, sums: "exchanged" as const, rows: 2, tile: 8, unroll: 2 },
  { threads: 32, split: 4, sums: "shuffled" as const, rows: 2, tile: 8, unroll: 1 },
  { threads: 96, split: 2, sums: "exchanged" as const, rows: 1, tile: 16, unroll: 2 },
  { threads: 32, split: 4, sums: "dealt" as const, rows: 4, tile: 8, unroll: 2 },
  { threads: 32, split: 8, sums: "dealt" as const, rows: 8, tile: 8, unroll: 1 },
  { threads: 64, split: 8, sums: "dealt" as const, rows: 2, tile: 16, unroll: 2 },
  { threads: 64, split: 2, sums: "shuffled" as const, rows: 1, tile: 16, unroll: 4 },
];
/** Those that this adapter's subgroups are wide enough for. */
const usable = variants.filter(({ sums, split }) => sums === "exchanged" || subgroupSize >= split);
for (const variant of variants) {
  const how = { exchanged: "", shuffled: " by shuffles", dealt: ", dealt" }[variant.sums];
  gpuTest(
    `attention equals the reference with ${variant.split} threads a row${how} and ${variant.rows} rows a thread`,
    async () => {
      const shape = cases[0];
      const own = { headSize: shape.headSize, causal: shape.causal, ...variant };
      await check(shape, { variants: { forward: own, backward_query: own, backward_key: own } });
    },
    variant.sums !== "exchanged" && subgroupSize < variant.split &&
      "this adapter's subgroups have fewer lanes",
  );
}

gpuTest("attention equals the reference where some heads' blocks are done before others'", async () => {
  // Blocks of 4 rows. 257 heads of 8 go in two turns, of 129 and of 128; 1161 of 5 in five, where three of them share keys in one.
  for (const [batch, heads, keyHeads, sequence] of [[1, 257, 257, 32], [9, 129, 43, 18]]) {
    const shape = { batch, sequence, heads, keyHeads, headSize: 4, causal: true };
    const own = { ...variants[0], headSize: 4, causal: true, group: heads / keyHeads, threads: 4 };
    await check(shape, { variants: { forward: own, backward_query: own, backward_key: own } });
  }
});

gpuTest(
  "attention of heads that share keys equals the reference with several threads a row and rows a thread",
  async () => {
    for (const variant of usable) {
      const shape = { batch: 2, sequence: 37, heads: 6, keyHeads: 2, headSize: 20, causal: true };
      const own = { headSize: shape.headSize, causal: shape.causal, group: 3, ...variant };
      await check(shape, { variants: { forward: own, backward_query: own, backward_key: own } });
    }
  },
);

gpuTest(
  "attention's probabilities are no more than 1 where stored scores lie far above the log-sum-exp",
  async () => {
    const shape = { ...cases[0], heads: 6, keyHeads: 3 };
    const { batch, sequence, heads, headSize } = shape;
    const [rows, width, columns] = [batch * sequence, heads * headSize, qkvColumns(shape)];
    const { qkv, dOutput } = values(shape);
    const { output, logSumExp } = forwardReference(qkv, shape);
    // Of every third row and head: beyond 88 an exponential in f32 is infinite.
    const lower = logSumExp.map((value, i) => i % 3 === 0 ? value - 200 : value);
    const expected = backwardReference(dOutput, qkv, output, lower, shape);
    for (const variant of [undefined, ...usable]) {
      const own = variant && { headSize, causal: shape.causal, group: heads / shape.keyHeads, ...variant };
      await runTest((t) => {
        const dqkv = t.output("dqkv", rows, columns);
        const statistics = t.input("log-sum-exp", rows, heads, lower, { stride: heads });
        attentionBackward(
          t.builder,
          plain(t.input("qkv", rows, columns, qkv)),
          plain(t.input("o", rows, width, output)),
          statistics,
          t.input("d", rows, width, dOutput),
          dqkv,
          shape,
          own && { variants: { backward_query: own, backward_key: own } },
        );
        return { dqkv };
      }, async ({ dqkv }, read) => {
        assertClose(await read(dqkv), expected, tolerance(headSize + sequence, 6), "gradient");
      });
    }
  },
);

Deno.test("attentionVariants() are on matrices where products are of halves, and know the heads that share keys", () => {
  const gpu = {
    adapterClass: "gpu",
    subgroupSize: 32,
    arithmetic: "f16",
    matrices: { m: 16, n: 16, k: 16 },
    limits: typicalGpuLimits,
  } as const;
  const shape = { headSize: 64, causal: true, sequence: 1024, heads: 32 };
  for (const [keyHeads, group] of [[32, undefined], [8, 4]]) {
    for (const variant of attentionVariants("forward", { ...shape, keyHeads }, gpu)) {
      assertEquals([onMatrices(variant), variant.group], [true, group]);
    }
  }
});

Deno.test("parseAttentionKey() reads what attentionKey() writes", () => {
  for (const shape of cases) {
    for (const halved of [{}, { qkv: true }, { d: true }, { qkv: true, d: true }]) {
      const key = attentionKey("backward_key", shape, halved);
      assertEquals(parseAttentionKey(key), { kernel: "backward_key", shape, halved });
    }
  }
  assertEquals(parseAttentionKey("matmul nn 1×2×3"), undefined);
});

Deno.test("attentionVariants() takes the block of rows that leaves least of its last one empty", () => {
  const gpu = { adapterClass: "gpu", subgroupSize: 32 } as const;
  const rowsOf = (sequence: number, headSize = 64) =>
    ownBlock(attentionVariants("forward", { headSize, causal: false, sequence }, gpu)[0]);
  // 16 blocks of 64 for 1024; two of 112 for the 197 tokens of a DeiT; one of 80 for 65, one of 64 for 50.
  assertEquals([1024, 197, 65, 50].map((sequence) => rowsOf(sequence)), [64, 112, 80, 64]);
  assertEquals(rowsOf(197, 128), 48, "at most 128 threads, eight for four rows");
});

Deno.test("attentionVariants() deals rows where subgroups are as wide as the threads that share them, of heads without padding first", () => {
  const of = (headSize: number, subgroupSize: number) =>
    attentionVariants("backward_query", { headSize, causal: true, sequence: 1024 }, {
      ...{ adapterClass: "gpu", subgroupSize },
    }).map(attentionVariantName);
  assertEquals(of(64, 32)[0], "128÷8d×4-16x8");
  assertEquals(of(64, 4).filter((name) => name.includes("d")), ["128÷4d×2-16x4", "64÷4d×2-16x4"]);
  assertEquals(of(64, 0), ["128÷2×1-32x8", "64÷2×1-32x8"]);
  assertEquals(of(80, 32)[0], "256÷4s×1-16x4"); // 16 threads of a row would hold two vectors of 20 each
});

gpuTest(
  "attention over windows of whole sequences equals the whole",
  () =>
    check({ batch: 5, sequence: 64, heads: 2, headSize: 8, causal: true }, {}, {
      limits: narrowLimits(2 * 64 * 48 * 4),
    }),
);

for (
  const shape of [
    { ...cases[0], sequence: 165 },
    { ...cases[2], sequence: 165 },
    { ...cases[5], batch: 1, sequence: 320 },
    { ...cases[6], sequence: 165 },
    { ...cases[8], sequence: 165 },
  ]
) {
  const { batch, sequence, heads, headSize, causal } = shape;
  const group = "keyHeads" in shape ? shape.heads / shape.keyHeads! : 1;
  const name = `${batch}×${sequence} tokens, ${heads} heads of ${headSize}${causal ? "" : ", not causal"}`;
  gpuTest(
    `attention over windows within a sequence gives the same bits as over the whole: ${name}`,
    async () => {
      const variant = {
        ...{
          headSize,
          causal,
          group,
          threads: 16,
          split: 2,
          sums: "exchanged" as const,
          rows: 1,
          tile: 16,
          unroll: 2,
        },
      };
      const variants = { forward: variant, backward_query: variant, backward_key: variant };
      const run = async (options: Partial<BuilderOptions>) => {
        const results: Float64Array[] = [];
        const binds: number[] = [];
        await runTest(
          (t) => emit(t, shape, { variants }),
          async ({ o, lse, dqkv }, read, { description }) => {
            for (const tensor of [o, lse, dqkv]) results.push(await read(tensor));
            for (const { bindings } of description.dispatches) {
              binds.push(Math.max(...bindings.map(bindingBytes)));
            }
          },
          options,
        );
        return { results, count: binds.length, largest: Math.max(...binds) };
      };
      const whole = await run({ flopsPerDispatch: Infinity });
      assertEquals(whole.count, 4);
      const limit = 80 * padded(qkvColumns(shape)) * 4; // 64 rows are read together, 16 written
      for (const flopsPerDispatch of [Infinity, 1]) {
        const windowed = await run({ limits: narrowLimits(limit), flopsPerDispatch });
        assert(windowed.count > 4);
        assert(windowed.largest <= limit);
        assertEquals(windowed.results, whole.results);
      }
    },
  );
}

Deno.test("attention refuses a sequence of more windows than a kernel can bind, and blocks that no binding can have anywhere", () => {
  for (const [sequence, rows] of [[2048, 128], [200, 70]]) {
    const shape = { batch: 1, sequence, heads: 1, headSize: 32, causal: true };
    const builder = new ProgramBuilder("test", gpuWith(narrowLimits(rows * 96 * 4)));
    const tensor = (name: string, cols: number) =>
      builder.tensor(name, sequence, cols, { category: "transient", stride: cols });
    const [qkv, d, dqkv] = [tensor("qkv", 96), tensor("d", 32), tensor("dqkv", 96)];
    const statistics = { logSumExp: tensor("log-sum-exp", 1), delta: tensor("delta", 1) };
    assertThrows(
      () => attentionBackwardKey(builder, plain(qkv), statistics, plain(d), dqkv, shape),
      OutOfMemoryError,
      `Attention over a sequence of ${sequence} tokens exceeds the binding limits`,
    );
  }
});

for (const shape of [cases[0], { ...cases[2], sequence: 29 }, { ...cases[5], sequence: 67 }, cases[6]]) {
  const { sequence, heads, headSize, causal } = shape;
  const group = "keyHeads" in shape ? shape.heads / shape.keyHeads! : 1;
  const name = `${sequence} tokens, ${heads} heads of ${headSize}${causal ? "" : ", not causal"}`;
  gpuTest(`attention cut into several dispatches gives the same bits as in one: ${name}`, async () => {
    const variant = {
      headSize,
      causal,
      group,
      threads: 8,
      split: 2,
      sums: "exchanged" as const,
      rows: 1,
      tile: 8,
      unroll: 2,
    };
    const variants = { forward: variant, backward_query: variant, backward_key: variant };
    const run = async (flopsPerDispatch: number) => {
      const found: { results: Float64Array[]; flops: number[] } = { results: [], flops: [] };
      await runTest((t) => emit(t, shape, { variants }), async ({ o, lse, dqkv }, read, { description }) => {
        for (const tensor of [o, lse, dqkv]) found.results.push(await read(tensor));
        found.flops.push(...description.dispatches.map(({ flops }) => flops));
      }, { flopsPerDispatch });
      return found;
    };
    const whole = await run(Infinity);
    assertEquals(whole.flops.length, 4);
    const most = Math.max(...whole.flops) / 3;
    const [few, many] = [await run(most), await run(1)];
    assert(Math.max(...few.flops) <= most);
    assertEquals(many.flops.length, 3 * Math.ceil(sequence / 4) + 1);
    assertEquals(few.results, whole.results);
    assertEquals(many.results, whole.results);
  });
}
