import { assert, assertEquals } from "@std/assert";
import { affine, gelu as geluOf, plain } from "../../src/gpu/operand.ts";
import { stepTensor } from "../../src/gpu/step_block.ts";
import { padded } from "../../src/gpu/tensor.ts";
import { gatherRow } from "../embedding/gather_row.ts";
import { gelu } from "../activations/gelu_reference.ts";
import { affine as affineOf } from "../norms/layer_norm_reference.ts";
import { cheapToRead, materialize } from "./materialize.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  norm,
  normals,
  runTest,
  stepBlock,
  tolerance,
} from "../testing/testing.ts";

gpuTest("cheapToRead() returns a plain tensor as it is, and writes GELU out, over windows too", async () => {
  const [rows, cols] = [150, 61];
  const values = normals(rows * cols, 1, 2);
  // GELU multiplies x by a logistic function of u: some twelve roundings, an exponential and a quotient.
  const limit = tolerance(12 + granted.exponential + granted.division);
  for (const limits of [undefined, narrowLimits(64 * 64 * 4)]) {
    await runTest(
      (t) => {
        const x = plain(t.input("x", rows, cols, values));
        assert(cheapToRead(t.builder, x) === x);
        return cheapToRead(t.builder, geluOf(x)).tensor;
      },
      async (out, read) => assertClose(await read(out), values.map(gelu), limit),
      limits ? { limits } : {},
    );
  }
});

gpuTest("materialize() writes scale and shift by column, on ragged shapes and over windows", async () => {
  for (const [rows, cols] of [[150, 61], [37, 1030], [1, 3]]) {
    const [values, gamma, beta] = [normals(rows * cols, 3), normals(cols, 4), normals(cols, 5)];
    const expected = affineOf(values, gamma, beta, rows, cols);
    // The sum may cancel against the product and the shift that it adds.
    const product = norm(affineOf(values, gamma, new Float64Array(cols), rows, cols));
    const limit = tolerance(2, (product + norm(beta) * Math.sqrt(rows)) / norm(expected));
    for (const limits of [undefined, narrowLimits(64 * padded(cols) * 4)]) {
      await runTest(
        (t) => {
          const x = plain(t.input("x", rows, cols, values));
          const out = t.output("out", rows, cols);
          materialize(t.builder, affine(x, t.input("γ", 1, cols, gamma), t.input("β", 1, cols, beta)), out);
          return out;
        },
        async (out, read) => assertClose(await read(out), expected, limit, `${rows}×${cols}`),
        limits ? { limits } : {},
      );
    }
  }
});

gpuTest("gatherRow() copies the row that the step block names", async () => {
  const [rows, cols, row] = [9, 61, 5];
  const values = normals(rows * cols, 2);
  await runTest(
    (t) => {
      t.fill(stepTensor, stepBlock({ row }));
      const out = t.output("out", 1, cols);
      gatherRow(t.builder, plain(t.input("x", rows, cols, values)), out);
      return out;
    },
    async (out, read) => assertEquals([...await read(out)], [...values.slice(row * cols, (row + 1) * cols)]),
  );
});
