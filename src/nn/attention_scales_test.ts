import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  attentionBackward as backwardReference,
  attentionForward as forwardReference,
} from "../../kernels/attention/attention_reference.ts";
import { endOfStep } from "../../kernels/products/scales.ts";
import { seenOf } from "../../kernels/products/scales_testing.ts";
import {
  assertClose,
  gpuTest,
  noMatrices,
  normals,
  padRows,
  runTest,
  stepBlock,
} from "../../kernels/testing/testing.ts";
import { plain } from "../gpu/operand.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { createPolicy } from "../storage/policies.ts";
import { policyNamed } from "../storage/testing.ts";
import { parsePolicy } from "../storage/policy_document.ts";
import { readStored } from "../storage/stored_values.ts";
import { attention, savedQkv } from "./attention.ts";
import { recompute } from "./recompute.ts";
import { Tape } from "./tape.ts";

const cannotRun = await noMatrices();

const shape = { batch: 1, sequence: 21, heads: 2, headSize: 8, causal: true };
const width = 16;
const largestOf = (x: Float64Array) => x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const partOf = (qkv: Float64Array, part: number) =>
  qkv.filter((_, at) => Math.floor(at / width) % 3 === part);

/** q, k and v of normal numbers of these sizes. */
function values(sizes: readonly number[], seed: number): Float64Array {
  return normals(21 * 3 * width, seed).map((x, at) => Math.fround(x * sizes[Math.floor(at / width) % 3]));
}

const made = (what: string) =>
  parsePolicy({ name: what, rules: [{ tensors: ["output"], recompute: true }] }, what);
const policies = {
  ...Object.fromEntries(["exact", "half", "mesa8", "token8"].map((name) => [name, () => policyNamed(name)])),
  "mesa8 with outputs made again": () => createPolicy(made("mesa8 with outputs made again")),
};

for (const [name, policyOf] of Object.entries(policies)) {
  gpuTest(
    `Attention under ${name} scales what forward reads and what backward reads, each by itself`,
    async () => {
      const scales = new OperandScales();
      const place = { layer: 0, heads: 2 };
      const policy = policyOf();
      const again = policy.recomputes({ kind: "output", ...place });
      await runTest(({ builder, fill, input }) => {
        fill(stepTensor, stepBlock({ seed: 5 }));
        const [qkv, d] = [input("qkv", 21, 3 * width, []), input("d", 21, width, [])];
        const layer = recompute(
          attention("attn", shape, place),
          { kind: "output", ...place },
          savedQkv("attn", place, shape),
        );
        const { y, backward } = layer(Tape.training(builder, policy), { exact: plain(qkv) });
        const dqkv = backward(d);
        endOfStep(builder);
        return { qkv, d, o: y.exact.tensor, dqkv };
      }, async ({ qkv, d, o, dqkv }, read, program) => {
        const words = async (tensor: Tensor) => new Uint32Array(await program.read(tensor));
        for (
          const [step, sizes] of [
            [3000, 1 / 3000, 3000],
            [9000, 1 / 9000, 2e4],
            [9000, 1 / 9000, 6e6], // no number of v is far beyond the scale but for its size
            [9000, 1 / 9000, 6e6],
          ].entries()
        ) {
          const [given, dOutput] = [values(sizes, step + 1), normals(21 * width, 20 + step, 1e-6)];
          const before = await Promise.all(["attn", "d attn"].map((key) => words(scales.of(key))));
          program.write(qkv, padRows(given, qkv));
          program.write(d, padRows(dOutput, d));
          const [turnBefore] = await words(scales.turn);
          program.run();
          const [turn] = await words(scales.turn);
          const after = await Promise.all(["attn", "d attn"].map((key) => words(scales.of(key))));
          const stored = await readStored(program);
          const kept = stored.get("attn.qkv")?.values ?? given;
          for (const [i, numbers] of [given, kept].entries()) {
            const [then, now] = [seenOf(before[i], turnBefore), seenOf(after[i], turn)];
            for (const part of [0, 1, 2]) {
              const own = partOf(numbers, part);
              assertAlmostEquals(now[part].largest / largestOf(own), 1, 1e-6);
              const reach = 65504 / 2 ** (10 - Math.ceil(Math.log2(then[part].largest)));
              const beyond = step === 0 ? 0 : own.filter((x) => Math.abs(x) > reach).length;
              assertEquals(
                now[part].clipped - then[part].clipped,
                beyond,
                `step ${step + 1}, operand ${part} of ${["attn", "d attn"][i]}`,
              );
              if (step === 2 && part === 2 && i === 0) {
                assert(beyond > 50, `${beyond} clipped numbers show little`);
              }
              if (step !== 2) {
                assertEquals(beyond, 0);
              }
            }
          }
          if (step === 2) continue; // clipped, and counted
          const forward = forwardReference(given, shape);
          assertClose(await read(o), forward.output, 1e-5, `output of step ${step + 1}`);
          const anew = again ? forwardReference(kept, shape) : forward;
          const keptO = stored.get("attn output")?.values ?? anew.output;
          const expected = backwardReference(dOutput, kept, keptO, anew.logSumExp, shape);
          const found = await read(dqkv);
          for (const part of [0, 1, 2]) {
            assertClose(
              partOf(found, part),
              partOf(expected, part),
              1e-5,
              `gradient ${part} of step ${step + 1}`,
            );
          }
        }
      }, { arithmetic: "f16x3", scales, times: 0 });
    },
    cannotRun,
  );
}
