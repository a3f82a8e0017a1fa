import { assert, assertEquals } from "@std/assert";
import { gpuWith, ProgramBuilder } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { affine, gelu as geluOf, plain } from "../../src/gpu/operand.ts";
import { OperandScales } from "../../src/gpu/operand_scales.ts";
import { stepTensor } from "../../src/gpu/step_block.ts";
import { padded } from "../../src/gpu/tensor.ts";
import { describeWithinPeak } from "../../src/gpu/within_peak.ts";
import { livePeak } from "../../src/memory/live.ts";
import { gatherRow } from "../embedding/gather_row.ts";
import { gelu } from "../activations/gelu_reference.ts";
import { affine as affineOf } from "../norms/layer_norm_reference.ts";
import { matmul } from "../products/matmul.ts";
import { columnSums } from "./column_sums.ts";
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

Deno.test("cheapToRead() writes out what a product in halves reads only where that raises no live peak", () => {
  const category = "transient";
  const written = (elsewhere: number) => {
    const options = { ...gpuWith(typicalGpuLimits), arithmetic: "f16", scales: new OperandScales() } as const;
    const record = (builder: ProgramBuilder) => {
      const tensor = (name: string, rows: number, cols: number) =>
        builder.tensor(name, rows, cols, { category });
      const [x, gamma, weight, y] = [
        tensor("x", 512, 256),
        tensor("γ", 1, 256),
        tensor("weight", 256, 512),
        tensor("y", 512, 512),
      ];
      const a = cheapToRead(builder, affine(plain(x), gamma));
      matmul(builder, "nn", a, plain(weight), y, { scaling: { key: "y", observes: true } });
      for (const last of [x, tensor("large", elsewhere, 256)]) {
        columnSums(builder, plain(last), tensor("sums", 1, last.cols), false);
      }
    };
    const inPlace = new ProgramBuilder("in place", options);
    record(inPlace);
    const within = describeWithinPeak("within", options, record);
    const [before, after] = [inPlace.build(), within].map(({ claims }) => livePeak(claims).bytes);
    assert(after <= before, `${after} bytes live for ${before}`);
    return within.dispatches.some(({ kernel }) => kernel.label === "materialize");
  };
  // At the product x, its copy, the weight, as large, and y, twice as large, live together: 2560 rows.
  assertEquals([64, 2048, 2500, 2560].map(written), [false, false, false, true]);
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
