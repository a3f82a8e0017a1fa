import { assert, assertEquals } from "@std/assert";
import { plain } from "../../src/gpu/operand.ts";
import { OperandScales } from "../../src/gpu/operand_scales.ts";
import type { Program } from "../../src/gpu/program.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import {
  assertClose,
  gpuTest,
  narrowLimits,
  noMatrices,
  normals,
  padRows,
  runTest,
  testGpu,
  tolerance,
} from "../testing/testing.ts";
import { matmul, type MatmulOptions } from "./matmul.ts";
import { matmulNN, matmulNT, matmulTN } from "./matmul_reference.ts";
import { matrixVariants } from "./matmul_matrix_table.ts";
import { matrixShapes } from "./matmul_table.ts";
import { type Product, products } from "./matmul_variant.ts";
import { endOfStep, numbersSeen } from "./scales.ts";
import { seenOf } from "./scales_testing.ts";
import { builderOptionsFor } from "../../src/gpu/builder.ts";

const references = { nn: matmulNN, nt: matmulNT, tn: matmulTN };
const sizes = { m: 70, n: 92, k: 100 };
const cannotRun = await noMatrices();

interface Scaled {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly scales: OperandScales;
  /** Fills both operands and runs a step; returns C. */
  step(a: Float64Array, b: Float64Array): Promise<Float64Array>;
  /** What the last step saw. */
  seen(): Promise<{ largest: number[]; clipped: number }>;
  readonly program: Program;
}

/** A step of one product, whose operands are scaled by what the step before saw. */
async function scaled(
  product: Product,
  work: (made: Scaled) => Promise<void>,
  { binding, ...options }: Pick<MatmulOptions, "variant" | "splits"> & {
    observes?: boolean;
    binding?: number;
  } = {},
): Promise<void> {
  const scales = new OperandScales();
  const { observes = true } = options;
  await runTest(
    (t) => {
      const shapes = matrixShapes(product, sizes);
      const [a, b] = (["a", "b"] as const).map((name) =>
        t.input(name, ...shapes[name], new Float64Array(shapes[name][0] * shapes[name][1]))
      );
      const c = t.output("c", sizes.m, sizes.n);
      matmul(t.builder, product, plain(a), plain(b), c, {
        ...options,
        scaling: { key: "product", observes },
      });
      endOfStep(t.builder);
      return { a, b, c };
    },
    async ({ a, b, c }, read, program) => {
      const words = async (tensor: Tensor) => new Uint32Array(await program.read(tensor));
      await work({
        ...{ a, b, c, scales, program },
        async step(aValues, bValues) {
          program.write(a, padRows(aValues, a));
          program.write(b, padRows(bValues, b));
          program.run();
          return await read(c);
        },
        async seen() {
          const [turn] = await words(scales.turn);
          const [a, b] = seenOf(await words(scales.of("product")), turn);
          return { largest: [a.largest, b.largest], clipped: a.clipped + b.clipped };
        },
      });
    },
    { arithmetic: "f16x3", scales, times: 0, ...binding && { limits: narrowLimits(binding) } },
  );
}

const largest = (values: Float64Array) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const of = (deviation: number, seed: number, count: number) => normals(count, seed, deviation);
const a = (deviation: number, seed = 1) => of(deviation, seed, sizes.m * sizes.k);
const b = (deviation: number, seed = 2) => of(deviation, seed, sizes.n * sizes.k);

for (const product of products) {
  const expected = (x: Float64Array, y: Float64Array) => references[product](x, y, sizes);

  gpuTest(
    `matmul() ${product} scales by what the first step has, then by what the last one had`,
    async () => {
      await scaled(product, async ({ step, seen }) => {
        // In halves the first would be nothing, and the last beyond them.
        for (const [left, right] of [[1e-9, 1e3], [2e-9, 4e2], [3e-8, 5e3], [1e-9, 2e3]]) {
          const [x, y] = [a(left), b(right)];
          assertClose(await step(x, y), expected(x, y), tolerance(sizes.k), `${left} by ${right}`);
          assertEquals(await seen(), { largest: [largest(x), largest(y)], clipped: 0 });
        }
      });
    },
    cannotRun,
  );

  for (
    const [how, options] of [
      ["at once", {}],
      ["in parts", { splits: 3 }],
      ["over windows of rows", { binding: 64 * 100 * 4 }],
    ] as const
  ) {
    gpuTest(
      `matmul() ${product} ${how} clips what its scales leave too large, and counts each number once`,
      async () => {
        const [{ variant }] = matrixVariants("f16x3", builderOptionsFor(await testGpu()));
        const { splits } = { splits: undefined, ...options };
        await scaled(product, async ({ step, seen, program }) => {
          await step(a(1), b(1));
          const [x, y] = [a(120, 3), b(200, 4)];
          const limits = [a(1), b(1)].map((values) =>
            65504 / 2 ** (10 - Math.ceil(Math.log2(largest(values))))
          );
          const kept = [x, y].map((values, i) =>
            values.map((v) => Math.max(-limits[i], Math.min(limits[i], v)))
          );
          const clipped = [x, y].map((values, i) => values.filter((v) => Math.abs(v) > limits[i]).length);
          assert(Math.min(...clipped) > 100, `${clipped} clipped numbers show little`);
          assertClose(await step(x, y), expected(kept[0], kept[1]), tolerance(sizes.k), "clipped");
          assertEquals(await seen(), { largest: [largest(x), largest(y)], clipped: clipped[0] + clipped[1] });
          assertEquals(numbersSeen(program.description.dispatches), x.length + y.length);
          assertClose(await step(x, y), expected(x, y), tolerance(sizes.k), "by the next step's scales");
          assertEquals((await seen()).clipped, clipped[0] + clipped[1], "none more");
        }, { ...options, variant: splits && variant, splits });
      },
      cannotRun,
    );
  }
}

gpuTest(
  "matmul() that does not observe leaves scales as they are, and takes what nobody saw for 64",
  async () => {
    await scaled("nn", async ({ step, seen }) => {
      const [x, y] = [a(1), b(10)];
      assertClose(await step(x, y), matmulNN(x, y, sizes), tolerance(sizes.k), "within 64");
      assertEquals(await seen(), { largest: [0, 0], clipped: 0 });
    }, { observes: false });
  },
  cannotRun,
);

gpuTest("matmul() gives no number where an operand has none, and numbers elsewhere", async () => {
  await scaled("nn", async ({ step }) => {
    const x = a(1);
    await step(x, b(1));
    const c = await step(x.with(7, NaN), b(1));
    c.forEach((value, i) => assertEquals(Number.isNaN(value), i < sizes.n, `${i}: ${value}`)); // of the first row
  });
}, cannotRun);

gpuTest("matmul() gives no number where the last step's operand had none", async () => {
  await scaled("nn", async ({ step }) => {
    const x = a(1);
    await step(x, b(1));
    await step(x.with(7, NaN), b(1));
    assert((await step(x, b(1))).every(Number.isNaN));
  });
}, cannotRun);
