import { assert, assertEquals } from "@std/assert";
import { gelu as geluOf, plain } from "../src/gpu/operand.ts";
import { stepTensor } from "../src/gpu/step_block.ts";
import { gatherRow } from "./gather_row.ts";
import { gelu } from "./gelu_reference.ts";
import { cheapToRead } from "./materialize.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  normals,
  runTest,
  stepBlock,
  tolerance,
} from "./testing.ts";

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
