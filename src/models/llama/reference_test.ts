import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  centralDifferences,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../../../kernels/testing/reference_testing.ts";
import { policyNamed } from "../../storage/testing.ts";
import { weightsFrom } from "../checkpoint.ts";
import { readGoldenCase } from "../golden_case.ts";
import type { Sizes } from "../shared/family.ts";
import type { ReferenceStorage } from "../shared/reference_storage.ts";
import { referenceState, type ReferenceTensors, referenceWeights } from "../shared/transformer_reference.ts";
import type { LlamaConfig } from "./config.ts";
import { llamaParameters } from "./parameters.ts";
import { llamaLossAndGradients, llamaTrainStep } from "./reference.ts";

const tiny: Sizes<LlamaConfig> = {
  ...{ layers: 2, width: 5, heads: 4, keyHeads: 2, headSize: 4, hidden: 3, vocab: 7, positions: 8 },
  ...{ tiedHead: false, rotaryBase: 10, normEpsilon: 1e-5 },
  rotaryScaling: { factor: 4, slow: 0.2, fast: 0.6, positions: 3 },
};
const shape = { batch: 2, sequence: 3 };
const inputs = Uint32Array.of(6, 0, 3, 3, 3, 1);
const targets = Int32Array.of(0, 3, -100, 3, 1, 5);

const tinyWeights = (config = tiny): ReferenceTensors =>
  new Map(
    llamaParameters(config, "all").map((
      { name, rows, cols },
      i,
    ) => [name, seededValues(rows * cols, i + 1, 0.5)]),
  );

const run = (weights: ReferenceTensors, config = tiny, storage?: ReferenceStorage) =>
  llamaLossAndGradients(weights, config, inputs, targets, shape, storage);

for (const config of [tiny, { ...tiny, tiedHead: true, keyHeads: 1, rotaryScaling: null }]) {
  const what = config.tiedHead ? "tied, on one head of keys" : "untied, with stretched positions";
  Deno.test(`llamaLossAndGradients() equals central differences for every parameter: ${what}`, () => {
    const weights = tinyWeights(config);
    const { gradients } = run(weights, config);
    assertEquals([...gradients.keys()].sort(), [...weights.keys()].sort());
    for (const [name, weight] of weights) {
      const numeric = centralDifferences(() => run(weights, config).loss, weight);
      assert(relativeError(gradients.get(name)!, numeric) < finiteDifferenceTolerance, name);
    }
  });
}

Deno.test("llamaLossAndGradients() saves five tensors a block", () => {
  const sizes: [string, number, number][] = [];
  const { savedNames } = run(tinyWeights(), tiny, {
    store(name, tensor, rows, cols) {
      sizes.push([name, rows, cols]);
      return tensor;
    },
  });
  assertEquals(savedNames, sizes.map(([name]) => name));
  const block = (i: number): [string, number, number][] => [
    [`model.layers.${i}.input_layernorm`, 6, 5],
    [`model.layers.${i}.attn.qkv`, 6, 32],
    [`model.layers.${i}.attn output`, 6, 16],
    [`model.layers.${i}.post_attention_layernorm`, 6, 5],
    [`model.layers.${i}.mlp.swiglu_input`, 6, 6],
  ];
  assertEquals(sizes, [...block(0), ...block(1)]);
});

Deno.test("llamaLossAndGradients() gives the same gradients however its tensors are saved, or made again", () => {
  const exact = run(tinyWeights());
  for (const policy of ["recompute", "mesa8-selective"]) {
    const { gradients } = run(tinyWeights(), tiny, { plan: policyNamed(policy) });
    for (const [name, gradient] of exact.gradients) {
      assert(relativeError(gradients.get(name)!, gradient) < 1e-12, `${name} under ${policy}`);
    }
  }
});

for (const name of ["llama-regular", "llama-ragged"]) {
  const folder = `${import.meta.dirname}/../testdata/${name}`;

  Deno.test(`llamaLossAndGradients() equals PyTorch's first-step gradients of ${name}`, async () => {
    const { config, weights, gradients, batches, ...shape } = await readGoldenCase(folder, "llama");
    const [{ inputs, targets }] = batches;
    const own = weightsFrom(weights, config, name), expected = weightsFrom(gradients, config, name);
    const found = llamaLossAndGradients(referenceWeights(own), config, inputs, targets, shape);
    assertEquals([...found.gradients.keys()].sort(), [...expected.keys()].sort());
    for (const [tensor, data] of expected) {
      // `transformers` computes norms, softmax, angles and the loss of a Llama in float32 whatever the weights are: some 2^-24 = 6e-8 each.
      assert(relativeError(found.gradients.get(tensor)!, data) < 5e-7, tensor);
    }
  });

  Deno.test(`llamaTrainStep() repeats PyTorch's ten losses of ${name}`, async () => {
    const { config, optimizer, losses, weights, batches, ...shape } = await readGoldenCase(folder, "llama");
    const state = referenceState(referenceWeights(weightsFrom(weights, config, name)));
    const [beta1, beta2] = optimizer.betas;
    for (const [step, batch] of batches.entries()) {
      const loss = llamaTrainStep(state, config, batch, shape, { ...optimizer, beta1, beta2 });
      assertAlmostEquals(loss, losses[step], 5e-7, `step ${step + 1}`); // a loss of 5 in float32: 2.4e-7
    }
  });
}
