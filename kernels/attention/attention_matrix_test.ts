import { assert, assertEquals } from "@std/assert";
import { type BuilderOptions, builderOptionsFor, gpuWith } from "../../src/gpu/builder.ts";
import { type DeviceLimits, typicalGpuLimits } from "../../src/gpu/limits.ts";
import { plain } from "../../src/gpu/operand.ts";
import {
  assertClose,
  gpuTest,
  halvesTolerance,
  narrowLimits,
  noMatrices,
  normals,
  runTest,
  testGpu,
  type TestProgram,
  tolerance,
} from "../testing/testing.ts";
import { attentionBackward, attentionForward } from "./attention.ts";
import { attentionVariants } from "./attention_choice.ts";
import { type AttentionKernel, type AttentionShape, qkvColumns } from "./attention_shape.ts";
import {
  attentionMatrixBytes,
  attentionMatrixName,
  type AttentionMatrixVariant,
  attentionMatrixVariants,
} from "./attention_matrix_variant.ts";
import {
  attentionBackward as backwardReference,
  attentionForward as forwardReference,
} from "./attention_reference.ts";
import { onMatrices, ownBlock } from "./attention_variant.ts";

const here = builderOptionsFor(await testGpu());
const missing = await noMatrices();
const options: BuilderOptions = here.matrices ? here : gpuWith(typicalGpuLimits);
const compilesSlowly = options.adapterClass === "software";
const arithmetics = ["f16x3", "f16"] as const;
type MatrixArithmetic = typeof arithmetics[number];

const cases = [
  { batch: 2, sequence: 37, heads: 3, headSize: 8, causal: true },
  { batch: 2, sequence: 5, heads: 3, headSize: 11, causal: true },
  { batch: 1, sequence: 37, heads: 3, headSize: 16, causal: false },
  { batch: 2, sequence: 37, heads: 3, headSize: 20, causal: true },
  { batch: 1, sequence: 130, heads: 2, headSize: 32, causal: true },
  { batch: 1, sequence: 300, heads: 1, headSize: 64, causal: true },
  { batch: 1, sequence: 77, heads: 1, headSize: 64, causal: false },
  { batch: 1, sequence: 133, heads: 1, headSize: 128, causal: true },
  { batch: 2, sequence: 37, heads: 6, keyHeads: 3, headSize: 11, causal: true },
  { batch: 2, sequence: 45, heads: 4, keyHeads: 1, headSize: 16, causal: false },
  { batch: 1, sequence: 133, heads: 8, keyHeads: 2, headSize: 64, causal: true },
];

function values(shape: AttentionShape) {
  const { batch, sequence, heads, headSize } = shape;
  const rows = batch * sequence;
  return { qkv: normals(rows * qkvColumns(shape), 1), dOutput: normals(rows * heads * headSize, 2) };
}

/**
 * What is allowed. Three products of halves reach what f32 does, and pass the same bound as the f32 kernels. One alone rounds what it
 * multiplies: scores of unit variance are off by the roundings of two operands, an exponential turns that into a relative error of P, and
 * P, or dS, and what it is multiplied by are rounded anew; in dS the difference of two sums remains, each of which has these errors.
 */
function allowed(arithmetic: MatrixArithmetic, { headSize, sequence }: AttentionShape): number {
  const limit = tolerance(headSize + sequence, 6);
  return arithmetic === "f16x3" ? limit : 2 * halvesTolerance(headSize) + limit;
}

function emit(
  t: TestProgram,
  shape: AttentionShape,
  { qkv, dOutput }: ReturnType<typeof values>,
  variants: Partial<Record<AttentionKernel, AttentionMatrixVariant>>,
) {
  const { batch, sequence, heads, headSize } = shape;
  const [rows, width] = [batch * sequence, heads * headSize];
  const input = plain(t.input("qkv", rows, qkvColumns(shape), qkv));
  const d = t.input("d", rows, width, dOutput);
  const o = t.output("o", rows, width);
  const lse = t.output("log-sum-exp", rows, heads, { stride: heads });
  const dqkv = t.output("dqkv", rows, qkvColumns(shape));
  attentionForward(t.builder, input, o, lse, shape, { variants });
  attentionBackward(t.builder, input, plain(o), lse, d, dqkv, shape, { variants });
  return { o, lse, dqkv };
}

const kernels = ["forward", "backward_query", "backward_key"] as const;

/** The i-th variant of each kernel, of those there are. */
function variantsOf(arithmetic: MatrixArithmetic, shape: AttentionShape, i: number) {
  const all = kernels.map((kernel) => {
    const known = attentionVariants(kernel, shape, { subgroupSize: 0, ...options, arithmetic }).filter(
      onMatrices,
    );
    return [kernel, known[i % known.length]] as const;
  });
  return Object.fromEntries(all) as Record<AttentionKernel, AttentionMatrixVariant>;
}

async function check(
  arithmetic: MatrixArithmetic,
  shape: AttentionShape,
  i = 0,
  given = values(shape),
  builderOptions: Partial<BuilderOptions> = {},
): Promise<void> {
  const forward = forwardReference(given.qkv, shape);
  const dQkv = backwardReference(given.dOutput, given.qkv, forward.output, forward.logSumExp, shape);
  const limit = allowed(arithmetic, shape);
  const variants = variantsOf(arithmetic, shape, i);
  await runTest((t) => emit(t, shape, given, variants), async ({ o, lse, dqkv }, read) => {
    assertClose(await read(o), forward.output, limit, "output");
    assertClose(await read(lse), forward.logSumExp, limit, "log-sum-exp");
    const { heads, keyHeads = heads, headSize } = shape;
    const found = await read(dqkv);
    let first = 0;
    for (const [name, sharing] of [["dq", heads], ["dk", keyHeads], ["dv", keyHeads]] as const) {
      const end = first + sharing * headSize;
      const own = (all: Float64Array) =>
        all.filter((_, at) => first <= at % qkvColumns(shape) && at % qkvColumns(shape) < end);
      assertClose(own(found), own(dQkv), limit, name);
      first = end;
    }
  }, { ...builderOptions, arithmetic });
}

for (const arithmetic of arithmetics) {
  for (const [i, shape] of cases.entries()) {
    const { batch, sequence, heads, keyHeads, headSize, causal } = shape;
    const shared = keyHeads ? ` on ${keyHeads} of keys` : "";
    const name = `${batch}×${sequence} tokens, ${heads} heads${shared} of ${headSize}${
      causal ? "" : ", not causal"
    }`;
    // A software adapter compiles for seconds: it takes its variants in turn.
    const turns = compilesSlowly ? [i] : [0, 1, 2, 3, 4, 5, 6];
    for (const turn of turns) {
      const names = Object.values(variantsOf(arithmetic, shape, turn)).map(attentionMatrixName);
      gpuTest(
        `attention on matrices equals the reference: ${name}, ${[...new Set(names)].join(", ")}`,
        () => check(arithmetic, shape, turn),
        missing || (compilesSlowly && headSize > 16 && "a software adapter compiles it for minutes"),
      );
    }
  }

  gpuTest(
    `attention on matrices in ${arithmetic} raises the reference of rows whose scores keep growing`,
    async () => {
      const shape = { batch: 1, sequence: 45, heads: 1, headSize: 16, causal: true };
      const { qkv, dOutput } = values(shape);
      // Each query's score rises by 2 a key, to 88: without a new reference, P is beyond halves after the eighth.
      for (let row = 0; row < shape.sequence; row++) {
        for (const [part, value] of [[0, 8], [1, row]]) {
          for (let i = 0; i < 16; i++) qkv[row * 48 + part * 16 + i] = i > 0 ? 0 : value;
        }
      }
      const expected = forwardReference(qkv, shape);
      await runTest(
        (t) => emit(t, shape, { qkv, dOutput }, variantsOf(arithmetic, shape, 0)),
        async ({ o, lse }, read) => {
          // Scores are off by one rounding of q, of its factor.
          const limit = arithmetic === "f16" ? 2 ** -11 * 88 : tolerance(61, 88);
          assertClose(await read(o), expected.output, limit, "output");
          assertClose(await read(lse), expected.logSumExp, limit, "log-sum-exp");
        },
        { arithmetic },
      );
    },
    missing,
  );

  gpuTest(
    `attention on matrices in ${arithmetic} takes no probability for more than 1 where stored scores lie far above the log-sum-exp`,
    async () => {
      const shape = { batch: 2, sequence: 37, heads: 3, headSize: 16, causal: true };
      const [rows, width] = [shape.batch * shape.sequence, shape.heads * shape.headSize];
      const { qkv, dOutput } = values(shape);
      const { output, logSumExp } = forwardReference(qkv, shape);
      // Of every other row and head: beyond 88 an exponential in f32 is infinite.
      const lower = logSumExp.map((value, i) => i % 2 === 0 ? value - 200 : value);
      const expected = backwardReference(dOutput, qkv, output, lower, shape);
      await runTest(
        (t) => {
          const dqkv = t.output("dqkv", rows, qkvColumns(shape));
          attentionBackward(
            t.builder,
            plain(t.input("qkv", rows, qkvColumns(shape), qkv)),
            plain(t.input("o", rows, width, output)),
            t.input("log-sum-exp", rows, shape.heads, lower, { stride: shape.heads }),
            t.input("d", rows, width, dOutput),
            dqkv,
            shape,
            { variants: variantsOf(arithmetic, shape, 0) },
          );
          return { dqkv };
        },
        async ({ dqkv }, read) =>
          assertClose(await read(dqkv), expected, allowed(arithmetic, shape), "gradient"),
        { arithmetic },
      );
    },
    missing,
  );
}

gpuTest(
  "attention on matrices in f16x3 adds up what matrix units summed over some rows at once",
  async () => {
    for (const headSize of [4, 7]) {
      await check("f16x3", { batch: 1, sequence: 1100, heads: 1, headSize, causal: true });
    }
  },
  missing,
);

gpuTest(
  "attention on matrices cut into several dispatches and windows gives the same bits as in one",
  async () => {
    const shape = { batch: 3, sequence: 64, heads: 1, headSize: 8, causal: true };
    const variants = variantsOf("f16", shape, 0);
    const run = async (builderOptions: Partial<BuilderOptions>) => {
      const results: Float64Array[] = [];
      let count = 0;
      await runTest(
        (t) => emit(t, shape, values(shape), variants),
        async ({ o, lse, dqkv }, read, program) => {
          for (const tensor of [o, lse, dqkv]) results.push(await read(tensor));
          count = program.description.dispatches.length;
        },
        { arithmetic: "f16", ...builderOptions },
      );
      return { results, count };
    };
    const whole = await run({ flopsPerDispatch: Infinity });
    assertEquals(whole.count, 4);
    const cut = await run({ flopsPerDispatch: 1 });
    const blocks = kernels.reduce((sum, kernel) => sum + Math.ceil(64 / ownBlock(variants[kernel])), 0);
    assertEquals(cut.count, 1 + blocks);
    assertEquals(cut.results, whole.results);
    const windowed = await run({ limits: narrowLimits(64 * 24 * 4) });
    assert(windowed.count > 4);
    assertEquals(windowed.results, whole.results);
  },
  missing,
);

gpuTest(
  "attention on matrices over windows within a sequence gives the same bits as over the whole",
  async () => {
    const shape = { batch: 2, sequence: 357, heads: 1, headSize: 8, causal: true };
    for (const arithmetic of ["f16", "f16x3"] as const) {
      const variants = variantsOf(arithmetic, shape, 0);
      const run = async (limits?: DeviceLimits) => {
        const results: Float64Array[] = [];
        let count = 0;
        await runTest(
          (t) => emit(t, shape, values(shape), variants),
          async ({ o, lse, dqkv }, read, program) => {
            for (const tensor of [o, lse, dqkv]) results.push(await read(tensor));
            count = program.description.dispatches.length;
          },
          { arithmetic, flopsPerDispatch: Infinity, ...limits && { limits } },
        );
        return { results, count };
      };
      const whole = await run();
      assertEquals(whole.count, 4);
      const most = Math.max(...kernels.map((kernel) => ownBlock(variants[kernel])));
      const windowed = await run(narrowLimits((63 + most) * 24 * 4));
      assert(windowed.count > 4);
      assertEquals(windowed.results, whole.results);
    }
  },
  missing,
);

Deno.test("attentionMatrixVariants() offers what fits workgroup memory, and none without matrices or in f32", () => {
  const gpu = gpuWith({ ...typicalGpuLimits, maxComputeWorkgroupStorageSize: 48 * 1024 });
  for (const arithmetic of arithmetics) {
    for (const kernel of kernels) {
      for (const headSize of [64, 128]) {
        const shape = { headSize, causal: true };
        const known = attentionMatrixVariants(kernel, shape, { ...gpu, arithmetic });
        assert(known.length > 0, `${kernel} in ${arithmetic}, heads of ${headSize}: ${known.length}`);
        for (const variant of known) assert(attentionMatrixBytes(kernel, variant) <= 48 * 1024);
        assertEquals(attentionMatrixVariants(kernel, shape, { ...gpu, arithmetic, matrices: undefined }), []);
      }
    }
  }
  assertEquals(attentionMatrixVariants("forward", { headSize: 64, causal: true }, gpu), []);
});
