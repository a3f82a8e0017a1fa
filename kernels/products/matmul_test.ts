import { plain } from "../../src/gpu/operand.ts";
import { tensorBytes } from "../../src/gpu/tensor.ts";
import { builderOptionsFor } from "../../src/gpu/builder.ts";
import { matmul, type MatmulOptions } from "./matmul.ts";
import { matrixVariants } from "./matmul_matrix_table.ts";
import { directVariant, tiledVariants } from "./matmul_table.ts";
import { matmulNN, matmulNT, matmulTN } from "./matmul_reference.ts";
import { type MatmulVariant, type Product, products, variantName } from "./matmul_variant.ts";
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

const references = { nn: matmulNN, nt: matmulNT, tn: matmulTN };
const shapes = [
  { m: 37, n: 60, k: 101 },
  { m: 130, n: 132, k: 64 },
  { m: 1, n: 3, k: 5 },
  { m: 64, n: 128, k: 18 },
  { m: 20, n: 36, k: 2070 },
];

/** What three products of halves reach is what f32 does; one alone rounds its operands. */
function allowed(k: number, variant?: MatmulVariant): number {
  return variant?.memory === "matrix" && variant.arithmetic === "f16" ? halvesTolerance(k) : tolerance(k);
}

/** Runs C = before + A·B + bias, where asked for, and compares it with the reference. */
async function check(
  product: Product,
  { m, n, k }: typeof shapes[number],
  options: Pick<MatmulOptions, "variant" | "splits">,
  { bias = false, accumulate = false, binding }: { bias?: boolean; accumulate?: boolean; binding?: number },
): Promise<void> {
  const [aRows, aCols] = product === "tn" ? [k, m] : [m, k];
  const [bRows, bCols] = product === "nt" ? [n, k] : [k, n];
  const a = normals(m * k, 1);
  const b = normals(n * k, 2);
  const biases = normals(n, 3);
  const before = normals(m * n, 4);
  const expected = references[product](a, b, { m, n, k }).map((x, i) =>
    x + (bias ? biases[i % n] : 0) + (accumulate ? before[i] : 0)
  );
  await runTest(
    (t) => {
      const c = accumulate ? t.input("c", m, n, before) : t.output("c", m, n);
      dirtyParts(t);
      matmul(
        t.builder,
        product,
        plain(t.input("a", aRows, aCols, a)),
        plain(t.input("b", bRows, bCols, b)),
        c,
        {
          ...options,
          accumulate,
          bias: bias ? t.input("bias", 1, n, biases) : undefined,
        },
      );
      return c;
    },
    async (c, read) => assertClose(await read(c), expected, allowed(k, options.variant), `${m}×${n}×${k}`),
    binding ? { limits: narrowLimits(binding) } : {},
  );
}

/** Memory that is used again holds what was there: has partial products begin with other numbers than the zeros of a new buffer. */
function dirtyParts({ builder, fill }: TestProgram): void {
  const tensor = builder.tensor.bind(builder);
  builder.tensor = (name, rows, cols, options) => {
    const made = tensor(name, rows, cols, options);
    if (name.endsWith(" parts")) fill(made, new Float32Array(tensorBytes(made) / 4).fill(1000));
    return made;
  };
}

const options = builderOptionsFor(await testGpu());
const withoutMatrices = await noMatrices();

/** The variants on subgroup matrices; an NVIDIA card's where this adapter has none. */
const onMatrices = (["f16x3", "f16"] as const).flatMap((arithmetic) => {
  const nvidia = { matrices: { m: 16, n: 16, k: 16 }, subgroupSize: 32, adapterClass: "gpu" } as const;
  return matrixVariants(arithmetic, { ...options, ...options.matrices ? {} : nvidia }).map(({ variant }) =>
    variant
  );
});

/** Why a variant cannot run here, if it cannot. */
function missing(variant: MatmulVariant): string | false {
  if (variant.memory === "matrix" && withoutMatrices) return withoutMatrices;
  const { lanes = 1 } = variant;
  return lanes > 1 && lanes !== options.subgroupSize && `this adapter's subgroups are not of ${lanes} lanes`;
}

for (const product of products) {
  for (
    const variant of [directVariant(1), directVariant(4), directVariant(8), ...tiledVariants, ...onMatrices]
  ) {
    const cannotRun = missing(variant);
    gpuTest(`matmul() ${product} ${variantName(variant)} equals the reference on ragged shapes`, async () => {
      for (const shape of shapes) await check(product, shape, { variant }, { bias: true });
    }, cannotRun);

    gpuTest(
      `matmul() ${product} ${variantName(variant)} in parts adds up to the whole, with bias and accumulation`,
      async () => {
        for (const splits of [2, 3]) {
          for (const shape of shapes) {
            await check(product, shape, { variant, splits }, { bias: true, accumulate: true });
          }
        }
      },
      cannotRun,
    );
  }

  for (const variant of [undefined, ...onMatrices]) {
    gpuTest(
      `matmul() ${product} ${
        variant ? variantName(variant) : "as likeliest"
      } over windows of rows equals the whole, with bias and accumulation`,
      async () => {
        const shape = { m: 150, n: 140, k: 200 };
        await check(product, shape, { variant }, { bias: true, accumulate: true, binding: 64 * 200 * 4 });
      },
      variant && missing(variant),
    );
  }

  if (product !== "nt") { // whose operands have the contraction in their columns, which are not windowed
    gpuTest(`matmul() ${product} in parts over windows of the contraction equals the whole`, async () => {
      const variant = tiledVariants.find((v) => v.tileM === 64)!;
      for (const k of [200, 1000]) {
        const shape = { m: 4, n: 140, k };
        await check(product, shape, { variant, splits: 3 }, {
          bias: true,
          binding: Math.max(64, k / 16) * 140 * 4,
        });
      }
    });
  }

  gpuTest(`matmul() ${product} asked for parts equals the whole where its rows need windows`, async () => {
    const variant = tiledVariants.find((v) => v.tileM === 64)!;
    const shape = { m: 130, n: 4, k: 400 };
    const windows = { bias: true, accumulate: true, binding: 64 * 400 * 4 };
    await check(product, shape, { variant, splits: 3 }, windows);
  });
}
