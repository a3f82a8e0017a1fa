import { adamw } from "../../kernels/optimizer/adamw.ts";
import { columnSums } from "../../kernels/shared/column_sums.ts";
import { geluBackward } from "../../kernels/activations/gelu.ts";
import { swigluBackward, swigluForward } from "../../kernels/activations/swiglu.ts";
import { rotate } from "../../kernels/embedding/rotary.ts";
import { rotaryFrequencies } from "../../kernels/embedding/rotary_frequencies.ts";
import { layerNormBackward, layerNormForward } from "../../kernels/norms/layer_norm.ts";
import { materialize } from "../../kernels/shared/materialize.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import { matrixShapes, type Sizes } from "../../kernels/products/matmul_table.ts";
import { type Product, products } from "../../kernels/products/matmul_variant.ts";
import { halvesFor, inHalves, inScaledHalves } from "../../kernels/products/scaled_halves.ts";
import type { Arithmetic } from "../../src/gpu/arithmetic.ts";
import { gpuWith, type ProgramBuilder } from "../../src/gpu/builder.ts";
import type { DeviceLimits } from "../../src/gpu/limits.ts";
import { affine, gelu, plain, scaledHalves } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { type ModelConfig, usualSequence } from "../../src/models/model_config.ts";
import { createPolicy, policyDocument } from "../../src/storage/policies.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { tuningScales } from "../../src/tuning/tuning_case.ts";

/** A kernel, or the few that belong together, at one size. */
export interface KernelCase {
  readonly name: string;
  /** What bounds it: arithmetic, or memory. */
  readonly bound: "arithmetic" | "memory";
  /** The first case of its bound whose rate is a ceiling for the others. */
  readonly ceiling?: true;
  /** Floating-point operations, or bytes that have to move. */
  readonly work: number;
  /** Emits the case; returns the tensors that must hold numbers. */
  emit(builder: ProgramBuilder): Tensor[];
}

/** Sizes of the cases: a product's side, and rows and columns of what streams. */
export interface CaseSizes {
  readonly product: number;
  readonly rows: number;
  readonly cols: number;
}

const transient = { category: "transient" } as const;

/** Products that are large and square, in f16 of scaled halves, too, and streaming kernels over working sets that no cache holds. */
export function kernelCases({ product: n, rows, cols }: CaseSizes, arithmetic?: Arithmetic): KernelCase[] {
  const elements = rows * cols;
  const matrix = (builder: ProgramBuilder, name: string) => builder.tensor(name, rows, cols, transient);
  const vector = (builder: ProgramBuilder, name: string) => builder.tensor(name, 1, cols, transient);

  const large = (dtype: "f32" | "f16") =>
    products.map((product): KernelCase => ({
      name: `product ${product} ${n}³${dtype === "f16" ? " of halves" : ""}`,
      bound: "arithmetic",
      ceiling: true,
      work: 2 * n ** 3,
      emit: (builder) => emitProduct(builder, product, { m: n, n, k: n }, dtype),
    }));
  const storage = (name: string, bytes: number, changes: Partial<PolicyDocument>): KernelCase => ({
    name,
    bound: "memory",
    work: elements * bytes,
    emit(builder) {
      const x = matrix(builder, "x");
      const policy = createPolicy({ ...policyDocument("mesa8"), ...changes });
      policy.store(builder, x, { kind: "gelu", layer: 0, heads: 8 }, "x");
      return [x];
    },
  });
  return [
    ...large("f32"),
    ...arithmetic === "f16" ? large("f16") : [],
    {
      name: "copy",
      bound: "memory",
      ceiling: true,
      work: 8 * elements,
      emit(builder) {
        const x = matrix(builder, "x");
        materialize(builder, plain(x), matrix(builder, "y"));
        return [x];
      },
    },
    ...arithmetic === "f16" ? [writtenInHalves({ rows, cols })] : [],
    // x is read twice: for its range, and to be quantized.
    storage("store in 8 bits, running, stochastic", 9, {}),
    storage("store in 8 bits, running, nearest", 9, { rounding: "nearest" }),
    storage("store in 8 bits, delayed, stochastic", 5, { ranges: "delayed" }),
    storage("store in 8 bits, delayed, nearest", 5, { ranges: "delayed", rounding: "nearest" }),
    storage("store in 8 bits, by token, stochastic", 5, { grouping: "token", ranges: "current" }),
    storage("store in 2 bits, running, stochastic", 8.25, { bits: 2 }),
    storage("store in 16 bits", 6, { bits: 16 }),
    {
      name: "LayerNorm forward",
      bound: "memory",
      work: 8 * elements,
      emit(builder) {
        const x = matrix(builder, "x");
        layerNormForward(
          builder,
          x,
          matrix(builder, "normalized"),
          builder.tensor("rstd", rows, 1, { ...transient, stride: 1 }),
          1e-5,
        );
        return [x];
      },
    },
    {
      name: "LayerNorm backward",
      bound: "memory",
      work: 16 * elements,
      emit(builder) {
        const [dy, x, dx] = ["dy", "x", "dx"].map((name) => matrix(builder, name));
        const rstd = builder.tensor("rstd", rows, 1, { ...transient, stride: 1 });
        const gamma = vector(builder, "gamma");
        layerNormBackward(builder, dy, plain(x), rstd, gamma, dx, true);
        return [dy, x, dx, rstd, gamma];
      },
    },
    {
      name: "GELU written out",
      bound: "memory",
      work: 8 * elements,
      emit(builder) {
        const x = matrix(builder, "x");
        materialize(builder, gelu(plain(x)), matrix(builder, "y"));
        return [x];
      },
    },
    {
      name: "GELU backward",
      bound: "memory",
      work: 12 * elements,
      emit(builder) {
        const [d, x] = [matrix(builder, "d"), matrix(builder, "x")];
        geluBackward(builder, d, plain(x));
        return [d, x];
      },
    },
    {
      name: "SwiGLU forward",
      bound: "memory",
      work: 6 * elements,
      emit(builder) {
        const h = matrix(builder, "h");
        swigluForward(builder, plain(h), builder.tensor("y", rows, cols / 2, transient));
        return [h];
      },
    },
    {
      name: "SwiGLU backward",
      bound: "memory",
      work: 10 * elements,
      emit(builder) {
        const [d, h] = [builder.tensor("d", rows, cols / 2, transient), matrix(builder, "h")];
        swigluBackward(builder, d, plain(h), matrix(builder, "dh"));
        return [d, h];
      },
    },
    {
      name: "rotary positions",
      bound: "memory",
      work: 8 * elements,
      emit(builder) {
        const x = matrix(builder, "x");
        const frequencies = rotaryFrequencies({ headSize: 64, base: 10000 });
        rotate(builder, x, { sequence: rows, heads: Math.floor(cols / 64), frequencies });
        return [x];
      },
    },
    {
      name: "bias gradient",
      bound: "memory",
      work: 4 * elements,
      emit(builder) {
        const d = matrix(builder, "d");
        columnSums(builder, plain(d), vector(builder, "bias gradient"), false);
        return [d];
      },
    },
    {
      name: "scale and shift written out",
      bound: "memory",
      work: 8 * elements,
      emit(builder) {
        const [x, gamma, beta] = [matrix(builder, "x"), vector(builder, "gamma"), vector(builder, "beta")];
        materialize(builder, affine(plain(x), gamma, beta), matrix(builder, "y"));
        return [x, gamma, beta];
      },
    },
    {
      name: "AdamW",
      bound: "memory",
      work: 28 * elements,
      emit(builder) {
        const [parameter, gradient, moment1, moment2] = ["parameter", "gradient", "moment1", "moment2"].map((
          name,
        ) => matrix(builder, name));
        const clip = builder.tensor("clip", 1, 1, transient);
        const arena = { parameter, gradient, moment1, moment2, decayed: true, first: 0 };
        adamw(builder, [arena], clip, { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1 });
        return [parameter, gradient, moment1];
      },
    },
  ];
}

/** What products and attention in f16 have written before them. */
const writtenInHalves = ({ rows, cols }: Pick<CaseSizes, "rows" | "cols">): KernelCase => ({
  name: "scaled halves",
  bound: "memory",
  work: 6 * rows * cols,
  emit(builder) {
    const x = builder.tensor("x", rows, cols, transient);
    inHalves(builder, plain(x), halvesFor(builder, x), tuningScales, 0);
    return [x];
  },
});

function emitProduct(
  builder: ProgramBuilder,
  product: Product,
  sizes: Sizes,
  dtype: "f32" | "f16" = "f32",
): Tensor[] {
  const shapes = matrixShapes(product, sizes);
  const [a, b] = (["a", "b"] as const).map((name) =>
    builder.tensor(name, ...shapes[name], {
      ...transient,
      ...dtype === "f16" && inScaledHalves(shapes[name][1]),
    })
  );
  const read = dtype === "f16" ? scaledHalves : plain;
  matmul(builder, product, read(a), read(b), builder.tensor("c", ...shapes.c, transient), {
    scaling: tuningScales,
  });
  return [a, b];
}

/** Every product of a model's step at a batch size, once for each of its shapes, read from plain matrices. */
export function productCases(
  model: ModelConfig,
  batch: number,
  { limits }: { limits: DeviceLimits },
): KernelCase[] {
  const step = { model, sequence: usualSequence(model), batch, policy: "exact", seed: 0 };
  const { dispatches } = describeStep(step, gpuWith(limits));
  const shapes = new Map<string, { product: Product; m: number; n: number; k: number; count: number }>();
  for (const { kernel: { label }, parameters: { m, n, k } } of dispatches) {
    const product = products.find((product) => label === `matmul_${product}`);
    if (!product) continue;
    const key = `${product} ${m}×${n}×${k}`;
    const count = (shapes.get(key)?.count ?? 0) + 1;
    shapes.set(key, { product, m, n, k, count });
  }
  return [...shapes].map(([key, { product, m, n, k, count }]) => ({
    name: `${model.name}: ${key} (${count}×)`,
    bound: "arithmetic",
    work: 2 * m * n * k,
    emit: (builder) => emitProduct(builder, product, { m, n, k }),
  }));
}
