import { assertEquals } from "@std/assert";
import { endOfStep } from "../../kernels/products/scales.ts";
import {
  gpuTest,
  noMatrices,
  normals,
  padRows,
  runTest,
  stepBlock,
  type TestProgram,
} from "../../kernels/testing/testing.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { plain } from "../gpu/operand.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { policyNamed } from "../storage/policies.ts";
import { linear } from "./linear.ts";
import { ParameterSet, parameterShapes } from "./parameters.ts";
import { Tape } from "./tape.ts";
import { tiedHead } from "./tied_head.ts";

const cannotRun = await noMatrices();
const [rows, width, out] = [8197, 20, 44];

interface Emitted {
  /** What each step writes anew, and what is read behind it. */
  readonly written: readonly Tensor[];
  readonly read: readonly Tensor[];
  /** Names under which operands are scaled. */
  readonly keys: readonly string[];
}

const layers: Record<string, { copies: number; emit(t: TestProgram, policy: string): Emitted }> = {
  "A linear layer": {
    copies: 3, // W forward, dy and W backward
    emit(t, policy) {
      const shapes = parameterShapes("all").linear("widening", "fc", width, out);
      const [weight, bias] = new ParameterSet(shapes, typicalGpuLimits).all;
      t.fill(bias.value, new Float32Array(out));
      const [x, dy] = [t.input("x", rows, width, []), t.input("dy", rows, out, [])];
      const layer = linear({ weight, bias }, { name: "fc", layer: 0, heads: 1 });
      const { y, backward } = layer(Tape.training(t.builder, policyNamed(policy)), { exact: plain(x) });
      const read = [y.exact.tensor, backward(dy), weight.gradient, bias.gradient];
      return { written: [x, dy, weight.value], read, keys: ["fc", "d fc"] };
    },
  },
  "The head": {
    copies: 1,
    emit(t, policy) {
      const shape = parameterShapes("all").matrix("embedding", "words", out, width);
      const [words] = new ParameterSet([shape], typicalGpuLimits).all;
      const x = t.input("x", rows, width, []);
      const targets = t.integers("targets", Int32Array.from({ length: rows }, (_, i) => (i * 37) % out));
      const lossRing = t.output("loss", 1, 1, { stride: 1 });
      const dx = tiedHead(Tape.training(t.builder, policyNamed(policy)), plain(x), words, {
        targets,
        lossRing,
      })();
      return {
        written: [x, words.value],
        read: [lossRing, dx, words.gradient],
        keys: ["head", "d head words"],
      };
    },
  },
};

/** Three steps, of numbers that grow: what they leave, and how often something was written out as halves. */
async function steps({ emit }: typeof layers[string], policy: string, spare?: () => number) {
  const scales = new OperandScales();
  const found: unknown[] = [];
  let copies = 0;
  await runTest((t) => {
    t.fill(stepTensor, stepBlock({ seed: 5, inverseValid: 1 / rows }));
    const emitted = emit(t, policy);
    endOfStep(t.builder);
    return emitted;
  }, async ({ written, read, keys }, readTensor, program) => {
    copies = program.description.dispatches.filter(({ kernel }) => kernel.label === "scaled_halves").length;
    for (const step of [1, 2, 3]) {
      for (const [i, tensor] of written.entries()) {
        program.write(tensor, padRows(normals(tensor.rows * tensor.cols, 10 * step + i, 2 ** step), tensor));
      }
      program.run();
      for (const tensor of read) found.push(await readTensor(tensor));
      for (const key of keys) found.push(new Uint32Array(await program.read(scales.of(key))));
    }
  }, { arithmetic: "f16", scales, times: 0, ...spare && { spare } });
  return { found, copies };
}

for (const [name, layer] of Object.entries(layers)) {
  gpuTest(
    `${name} in f16 has the same bits where what several products read is written out once`,
    async () => {
      const inPlace = await steps(layer, "exact");
      const once = await steps(layer, "exact", () => Infinity);
      assertEquals([inPlace.copies, once.copies], [0, layer.copies]);
      assertEquals(once.found, inPlace.found);
    },
    cannotRun,
  );
}
