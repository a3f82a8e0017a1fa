import { assert, assertEquals } from "@std/assert";
import { builderOptionsFor, gpuWith, ProgramBuilder } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { affine, gelu, type Operand, plain } from "../../src/gpu/operand.ts";
import { OperandScales } from "../../src/gpu/operand_scales.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { describeWithinPeak } from "../../src/gpu/within_peak.ts";
import { livePeak } from "../../src/memory/live.ts";
import { cheapToRead } from "../shared/materialize.ts";
import {
  gpuTest,
  narrowLimits,
  noMatrices,
  normals,
  padRows,
  runTest,
  testGpu,
  type TestProgram,
} from "../testing/testing.ts";
import { matmul } from "./matmul.ts";
import { matrixVariants } from "./matmul_matrix_table.ts";
import { matrixShapes } from "./matmul_table.ts";
import { type Product, products } from "./matmul_variant.ts";
import { readable, readableWeight } from "./scaled_halves.ts";
import { endOfStep, numbersSeen } from "./scales.ts";
import { seenOf } from "./scales_testing.ts";

const options = builderOptionsFor(await testGpu());
const cannotRun = await noMatrices();

const readers: Record<string, (t: TestProgram, x: Tensor) => Operand> = {
  "scaled and shifted": (t, x) => {
    const [gamma, beta] = ["γ", "β"].map((name, i) => t.input(name, 1, x.cols, normals(x.cols, 5 + i)));
    return affine(plain(x), gamma, beta);
  },
  "through GELU": (_, x) => gelu(plain(x)),
  "as a weight": (_, x) => plain(x),
};

/** Four steps of a product, one or both of its operands written out: what it gave, and what was seen of them. */
async function steps(
  product: Product,
  sizes: { m: number; n: number; k: number },
  written: readonly ("a" | "b")[],
  how: "halves" | "f32",
  given: { reader: string; variant?: number; splits?: number; binding?: number; observes?: boolean },
) {
  const { reader, variant, splits, binding, observes = true } = given;
  const scales = new OperandScales();
  const scaling = { key: "product", observes };
  const results: Float64Array[] = [];
  const seen: unknown[] = [];
  let numbers = 0;
  const shapes = matrixShapes(product, sizes);
  await runTest((t) => {
    const tensors = (["a", "b"] as const).map((name) => t.input(name, ...shapes[name], []));
    const [a, b] = (["a", "b"] as const).map((name, i) => {
      if (!written.includes(name)) return plain(tensors[i]);
      const x = readers[reader](t, tensors[i]);
      if (how === "f32") return cheapToRead(t.builder, x);
      if (x.cost === "none") return readableWeight(t.builder, tensors[i], 8192, scaling);
      return readable(t.builder, x, scaling, name);
    });
    const c = t.output("c", sizes.m, sizes.n);
    const chosen = variant === undefined ? undefined : matrixVariants("f16", options)[variant].variant;
    matmul(t.builder, product, a, b, c, { scaling, splits, variant: chosen });
    endOfStep(t.builder);
    return { tensors, c };
  }, async ({ tensors, c }, read, program) => {
    const words = async (tensor: Tensor) => new Uint32Array(await program.read(tensor));
    // The third is beyond halves by the second's scales.
    for (const [step, deviation] of [1e-3, 3e-3, 1e3, 500].entries()) {
      for (const [i, tensor] of tensors.entries()) {
        const count = tensor.rows * tensor.cols;
        program.write(tensor, padRows(normals(count, 10 * step + i, deviation * 10 ** i), tensor));
      }
      program.run();
      results.push(await read(c));
      seen.push(seenOf(await words(scales.of("product")), (await words(scales.turn))[0]));
    }
    numbers = numbersSeen(program.description.dispatches);
  }, {
    arithmetic: "f16",
    scales,
    times: 0,
    spare: () => Infinity,
    ...binding && { limits: narrowLimits(binding) },
  });
  return { results, seen, numbers };
}

const cases = [
  { sizes: { m: 70, n: 92, k: 101 }, variant: 0 },
  { sizes: { m: 37, n: 60, k: 52 }, variant: 1 },
  { sizes: { m: 45, n: 36, k: 205 }, variant: 0, splits: 3 },
  { sizes: { m: 150, n: 140, k: 200 }, binding: 64 * 200 * 4 },
  { sizes: { m: 20, n: 36, k: 44 }, observes: false },
];

for (const product of products) {
  for (const reader of Object.keys(readers)) {
    gpuTest(
      `matmul() ${product} of scaled halves has the bits that it has of f32, ${reader}, and sees the same`,
      async () => {
        for (const { sizes, ...given } of cases) {
          for (
            const written of reader === "as a weight" ? [["b"]] as const : [["a"], ["b"], ["a", "b"]] as const
          ) {
            const [halves, f32] = await Promise.all(
              (["halves", "f32"] as const).map((how) =>
                steps(product, sizes, written, how, { ...given, reader })
              ),
            );
            assertEquals(halves, f32);
          }
        }
        const clipped = (await steps(product, cases[0].sizes, ["b"], "halves", { reader })).seen as {
          clipped: number;
        }[][];
        assert(clipped[2][1].clipped > 100, `${clipped[2][1].clipped} clipped numbers show little`);
      },
      cannotRun,
    );
  }
}

Deno.test("In f16 a product's operands are written out as halves only as far as that raises no live peak", () => {
  const category = "transient";
  /** What a product of 8192 rows writes out, where so many numbers live elsewhere. */
  const written = (elsewhere: number) => {
    const given = { ...gpuWith(typicalGpuLimits), arithmetic: "f16", scales: new OperandScales() } as const;
    const scaling = { key: "y", observes: true };
    const record = (builder: ProgramBuilder) => {
      const tensor = (name: string, rows: number, cols: number) =>
        builder.tensor(name, rows, cols, { category });
      const [x, gamma, weight] = [tensor("x", 8192, 256), tensor("γ", 1, 256), tensor("weight", 256, 512)];
      const a = readable(builder, affine(plain(x), gamma), scaling, "a");
      const b = readableWeight(builder, weight, 8192, scaling);
      matmul(builder, "nn", a, b, tensor("y", 8192, 512), { scaling });
      for (const last of [x, weight, tensor("large", elsewhere / 256, 256)]) {
        builder.dispatch({
          kernel: { label: "read", code: "" },
          bindings: [{ group: 0, index: 1, tensor: last, access: "read" }],
          ...{ parameters: {}, workgroups: 1, flops: 0 },
        });
      }
    };
    const inPlace = new ProgramBuilder("in place", given);
    record(inPlace);
    const within = describeWithinPeak("within", given, record);
    const [before, after] = [inPlace.build(), within].map(({ claims }) => livePeak(claims).bytes);
    assert(after <= before, `${after} bytes live for ${before}`);
    return within.tensors.filter(({ name }) => name.endsWith("(scaled)")).map(({ name }) => name);
  };
  // Numbers of x, y and the weight; half as many each for what is written.
  const [x, y, w] = [8192 * 256, 8192 * 512, 256 * 512];
  const slack = 256; // γ
  assertEquals(written(x), []);
  assertEquals(written(x + y + w + w / 2 + slack), ["weight (scaled)"]);
  assertEquals(written(x + y + w + x / 2 + slack), ["x (scaled)"]);
  assertEquals(written(x + y + w + x / 2 + w / 2 + slack), ["x (scaled)", "weight (scaled)"]);
});
