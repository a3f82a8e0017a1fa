import { matmul } from "../../kernels/products/matmul.ts";
import { matmulNN, matmulNT, matmulTN } from "../../kernels/products/matmul_reference.ts";
import { knownVariants, matrixShapes } from "../../kernels/products/matmul_table.ts";
import { products } from "../../kernels/products/matmul_variant.ts";
import { materialize } from "../../kernels/shared/materialize.ts";
import {
  assertClose,
  gpuTest,
  noMatrices,
  normals,
  runTest,
  stepBlock,
  testGpu,
  type TestProgram,
  tolerance,
} from "../../kernels/testing/testing.ts";
import { arithmetics } from "../gpu/arithmetic.ts";
import { builderOptionsFor } from "../gpu/builder.ts";
import { affine, gelu, type Operand, plain } from "../gpu/operand.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { createPolicy, policyDocument, type policyNames } from "./policies.ts";

const references = { nn: matmulNN, nt: matmulNT, tn: matmulTN };
const sizes = { m: 45, n: 52, k: 70 };
const options = builderOptionsFor(await testGpu());

/** x as a policy stores it. */
const stored = (policy: typeof policyNames[number]) => ({ builder }: TestProgram, x: Tensor) =>
  createPolicy(policyDocument(policy)).store(builder, x, { kind: "gelu", layer: 0, heads: 1 }, "x");

const scaled = (inner: (t: TestProgram, x: Tensor) => Operand) => (t: TestProgram, x: Tensor) => {
  const [gamma, beta] = ["γ", "β"].map((name, i) => t.input(name, 1, x.cols, normals(x.cols, 5 + i)));
  return affine(inner(t, x), gamma, beta);
};

const readers: Record<string, (t: TestProgram, x: Tensor) => Operand> = {
  "scaled and shifted": scaled((_, x) => plain(x)),
  "in 16 bits": stored("half"),
  "in 8 bits by head": stored("mesa8"),
  "in 4 bits by head, scaled and shifted": scaled(stored("mesa4")),
  "in 8 bits by token, scaled and shifted": scaled(stored("token8")),
  "through GELU": (_, x) => gelu(plain(x)),
};

// An operand that kernels read as it is stored, wherever it is dear: what the product finds is what is written out.
for (const arithmetic of arithmetics.filter((one) => one !== "f16")) {
  const cannotRun = arithmetic !== "f32" && await noMatrices();
  for (const product of products) {
    for (const [how, reader] of Object.entries(readers)) {
      gpuTest(`matmul() ${product} in ${arithmetic} reads either operand ${how}`, async () => {
        const shapes = matrixShapes(product, sizes);
        for (const which of ["a", "b"] as const) {
          const values = { a: normals(sizes.m * sizes.k, 1), b: normals(sizes.n * sizes.k, 2) };
          const variant = knownVariants({ ...options, arithmetic }).at(-1)!; // the quickest to compile
          await runTest(
            (t) => {
              t.fill(stepTensor, stepBlock({ seed: 1 }));
              const [a, b] = (["a", "b"] as const).map((name) =>
                t.input(name, ...shapes[name], values[name])
              );
              const x = reader(t, which === "a" ? a : b);
              const written = t.output("written", ...shapes[which]);
              materialize(t.builder, x, written);
              const c = t.output("c", sizes.m, sizes.n);
              matmul(
                t.builder,
                product,
                which === "a" ? x : plain(a),
                which === "b" ? x : plain(b),
                c,
                { variant },
              );
              return { written, c };
            },
            async ({ written, c }, read) => {
              const known = { ...values };
              known[which] = await read(written);
              const expected = references[product](known.a, known.b, sizes);
              assertClose(await read(c), expected, tolerance(sizes.k), which);
            },
            { arithmetic },
          );
        }
      }, cannotRun);
    }
  }
}
