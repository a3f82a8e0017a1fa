import { plain } from "../src/gpu/operand.ts";
import { matmul, matmulVariants } from "./matmul.ts";
import { matmulNN, matmulNT, matmulTN } from "./matmul_reference.ts";
import { type Product, variantName } from "./matmul_template.ts";
import { assertClose, gpuTest, normals, runTest, tolerance } from "./testing.ts";

const references = { nn: matmulNN, nt: matmulNT, tn: matmulTN };
const shapes = [
  { m: 37, n: 60, k: 101 },
  { m: 130, n: 132, k: 64 },
  { m: 1, n: 3, k: 5 },
  { m: 64, n: 128, k: 18 },
];

for (const product of ["nn", "nt", "tn"] as Product[]) {
  for (const variant of matmulVariants) {
    gpuTest(`matmul() ${product} ${variantName(variant)} equals the reference on ragged shapes`, async () => {
      for (const { m, n, k } of shapes) {
        const [aRows, aCols] = product === "tn" ? [k, m] : [m, k];
        const [bRows, bCols] = product === "nt" ? [n, k] : [k, n];
        const a = normals(m * k, 1);
        const b = normals(n * k, 2);
        const bias = normals(n, 3);
        const expected = references[product](a, b, { m, n, k }).map((x: number, i: number) =>
          x + bias[i % n]
        );
        await runTest((t) => {
          const c = t.output("c", m, n);
          const operands = [
            plain(t.input("a", aRows, aCols, a)),
            plain(t.input("b", bRows, bCols, b)),
          ] as const;
          matmul(t.builder, product, ...operands, c, { variant, bias: t.input("bias", 1, n, bias) });
          return c;
        }, async (c, read) => assertClose(await read(c), expected, tolerance(k), `${m}×${n}×${k}`));
      }
    });
  }

  gpuTest(
    `matmul() ${product} over windows of rows equals the product of the whole, accumulated`,
    async () => {
      const { m, n, k } = { m: 150, n: 140, k: 200 };
      const [aRows, aCols] = product === "tn" ? [k, m] : [m, k];
      const [bRows, bCols] = product === "nt" ? [n, k] : [k, n];
      const a = normals(m * k, 4);
      const b = normals(n * k, 5);
      const before = normals(m * n, 6);
      const expected = references[product](a, b, { m, n, k }).map((x: number, i: number) => x + before[i]);
      const limits = {
        maxBufferSize: 2 ** 30,
        maxStorageBufferBindingSize: 64 * 200 * 4,
        maxComputeWorkgroupStorageSize: 32768,
        maxComputeInvocationsPerWorkgroup: 256,
        maxComputeWorkgroupsPerDimension: 65535,
      };
      await runTest(
        (t) => {
          const c = t.input("c", m, n, before);
          const operands = [
            plain(t.input("a", aRows, aCols, a)),
            plain(t.input("b", bRows, bCols, b)),
          ] as const;
          matmul(t.builder, product, ...operands, c, { accumulate: true });
          return c;
        },
        async (c, read) => assertClose(await read(c), expected, tolerance(k)),
        { limits },
      );
    },
  );
}
