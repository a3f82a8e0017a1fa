import { assert, assertEquals } from "@std/assert";
import { crossEntropy, ignoredTarget } from "../../kernels/loss/cross_entropy_reference.ts";
import { matmulNN, matmulNT, matmulTN } from "../../kernels/products/matmul_reference.ts";
import {
  assertClose,
  gpuTest,
  normals,
  runTest,
  stepBlock,
  tolerance,
} from "../../kernels/testing/testing.ts";
import { ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { plain } from "../gpu/operand.ts";
import { stepTensor } from "../gpu/step_block.ts";
import { createPolicy } from "../storage/policies.ts";
import { parsePolicy } from "../storage/policy_document.ts";
import { ParameterSet, parameterShapes } from "./parameters.ts";
import { Tape } from "./tape.ts";
import { tiedHead } from "./tied_head.ts";

const [width, vocab] = [24, 101];
const words = () =>
  new ParameterSet([parameterShapes("all").matrix("embedding", "words", vocab, width)], typicalGpuLimits)
    .all[0];

function policyWith(mini_sequences: Record<string, unknown>) {
  return createPolicy(parsePolicy({ name: "mine", bits: 32, mini_sequences }, "mine.json"));
}

/** Loss and gradients of `rows` tokens, some of them masked, against the plain formula. */
async function check(rows: number, miniSequences: Record<string, unknown>): Promise<void> {
  const x = normals(rows * width, 1);
  const table = normals(vocab * width, 2, 0.5);
  const targets = Int32Array.from({ length: rows }, (_, i) => i % 7 === 3 ? ignoredTarget : (i * 37) % vocab);
  const sizes = { m: rows, n: vocab, k: width };
  const logits = matmulNT(x, table, sizes);
  const expected = crossEntropy(logits, targets, rows, vocab);
  const dx = matmulNN(expected.dLogits, table, { m: rows, n: width, k: vocab });
  const dWords = matmulTN(expected.dLogits, x, { m: vocab, n: width, k: rows });
  const parameter = words();
  await runTest((t) => {
    t.fill(parameter.value, Float32Array.from(table));
    t.fill(parameter.gradient, new Float32Array(vocab * width).fill(1e30));
    t.fill(stepTensor, stepBlock({ inverseValid: 1 / expected.validCount }));
    const lossRing = t.output("loss", 1, 1, { stride: 1 });
    const tape = Tape.training(t.builder, policyWith(miniSequences));
    const input = plain(t.input("x", rows, width, x));
    const backward = tiedHead(tape, input, parameter, { targets: t.integers("targets", targets), lossRing });
    return { lossRing, dx: backward(), pieces: t.builder.build().dispatches };
  }, async (made, read) => {
    const what = `${rows} tokens, ${JSON.stringify(miniSequences)}`;
    // A logit sums `width` products; the softmax `vocab` exponentials; a gradient as many rows or words. Nothing cancels by more than two.
    const limit = tolerance(width + 2 * vocab + rows, 2);
    assertClose(await read(made.lossRing), [expected.meanLoss], limit, `loss of ${what}`);
    assertClose(await read(made.dx), dx, limit, `dx of ${what}`);
    assertClose(await read(parameter.gradient), dWords, limit, `dW of ${what}`);
  });
}

// MST's published head counts dW twice where 64 pieces divide the length, drops the tail where they do not, and fails at 60.
for (const head_gradients of ["forward", "backward"] as const) {
  for (const head of ["code", "paper", 64, 128] as const) {
    gpuTest(
      `The tied head in pieces by ${head}, gradients in ${head_gradients}, is exact at every length`,
      async () => {
        for (const rows of [128, 256, 190, 127, 60]) await check(rows, { head, head_gradients });
      },
    );
  }
}

Deno.test("The head's pieces follow the policy, in whole windows of 64 tokens", () => {
  const pieces = (rows: number, miniSequences: Record<string, unknown>) => {
    const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
    const tensor = (name: string, cols: number) =>
      builder.tensor(name, rows, cols, { category: "head", stride: cols });
    const lossRing = builder.tensor("loss", 1, 1, { category: "head", stride: 1 });
    const tape = Tape.training(builder, policyWith(miniSequences));
    const head = { targets: tensor("targets", 1), lossRing };
    tiedHead(tape, plain(tensor("x", width)), words(), head)();
    const { dispatches } = builder.build();
    return dispatches.filter(({ kernel }) => kernel.label === "cross_entropy").map((
      d,
    ) => [d.pass, d.workgroups]);
  };
  assertEquals(pieces(300, { head: 100 }), [["forward", 128], ["forward", 128], ["forward", 44]]);
  assertEquals(pieces(8192, { head: "code" }).length, 64);
  assertEquals(pieces(8192, { head: "paper" }).length, 5, "101 words over 24 channels");
  const both = pieces(300, { head: 192, head_gradients: "backward" });
  assertEquals(both, [["forward", 192], ["forward", 108], ["recompute", 192], ["recompute", 108]]);
  assert(pieces(8192, {}).length >= 1);
});
