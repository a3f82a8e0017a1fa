import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  centralDifferences,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../../../kernels/testing/reference_testing.ts";
import { readGoldenCase } from "../golden_case.ts";
import { weightsFrom } from "../checkpoint.ts";
import type { ReferenceStore } from "../shared/reference_storage.ts";
import {
  referenceState,
  type ReferenceTensors,
  referenceWeights,
  updateWeights,
} from "../shared/transformer_reference.ts";
import { vitParameters } from "./parameters.ts";
import { vitLossAndGradients, type VitReferenceConfig } from "./reference.ts";

const tiny: VitReferenceConfig = {
  image: 6,
  patch: 3,
  layers: 2,
  width: 6,
  heads: 2,
  classes: 5,
  layerNormEpsilon: 1e-6,
};
const tinyBatch = {
  images: Float32Array.from(seededValues(2 * 3 * 6 * 6, 99)),
  labels: Int32Array.of(4, 1),
};

function tinyWeights(): ReferenceTensors {
  return new Map(
    vitParameters(tiny, "all").map((
      { name, rows, cols },
      i,
    ) => [name, seededValues(rows * cols, i + 1, 0.5)]),
  );
}

function tinyRun(weights: ReferenceTensors, options?: { smoothing?: number; store?: ReferenceStore }) {
  return vitLossAndGradients(weights, tiny, tinyBatch, options);
}

Deno.test("vitLossAndGradients() equals central differences for every parameter", () => {
  const weights = tinyWeights();
  const { gradients } = tinyRun(weights, { smoothing: 0.1 });
  assertEquals([...gradients.keys()].sort(), [...weights.keys()].sort());
  for (const [name, weight] of weights) {
    const numeric = centralDifferences(() => tinyRun(weights, { smoothing: 0.1 }).loss, weight);
    assert(relativeError(gradients.get(name)!, numeric) < finiteDifferenceTolerance, name);
  }
});

Deno.test("vitLossAndGradients() smooths labels: a share of the loss is the mean over all classes", () => {
  const { classes } = tiny;
  const lossAs = (labels: Int32Array) =>
    vitLossAndGradients(tinyWeights(), tiny, { ...tinyBatch, labels }).loss;
  const each = Array.from({ length: classes }, (_, label) => lossAs(Int32Array.of(label, label)));
  const mean = each.reduce((sum, loss) => sum + loss, 0) / classes;
  const { loss } = tinyRun(tinyWeights(), { smoothing: 0.3 });
  assertAlmostEquals(loss, 0.7 * lossAs(tinyBatch.labels) + 0.3 * mean, 1e-14);
});

Deno.test("vitLossAndGradients() reads bytes as numbers from −1 to 1", () => {
  const bytes = Uint8Array.from(tinyBatch.images, (_, i) => (i * 37) % 256);
  const from = (images: Uint8Array | Float32Array) =>
    vitLossAndGradients(tinyWeights(), tiny, { ...tinyBatch, images });
  const { loss, gradients } = from(Float32Array.from(bytes, (byte) => byte / 127.5 - 1));
  assertAlmostEquals(from(bytes).loss, loss, 1e-6);
  const name = "patch_embed.proj.weight";
  assert(relativeError(from(bytes).gradients.get(name)!, gradients.get(name)!) < 1e-6);
});

Deno.test("vitLossAndGradients() saves five tensors a block, and backward reads what was stored", () => {
  const exact = tinyRun(tinyWeights());
  const sizes: [string, number, number][] = [];
  const stored = tinyRun(tinyWeights(), {
    store(name, tensor, rows, cols) {
      assertEquals(tensor.length, rows * cols);
      sizes.push([name, rows, cols]);
      return tensor.map((value, i) => value + 0.01 * (i % 3));
    },
  });
  const block = (i: number): [string, number, number][] => [
    [`blocks.${i}.norm1`, 10, 6],
    [`blocks.${i}.attn.qkv`, 10, 18],
    [`blocks.${i}.attn output`, 10, 6],
    [`blocks.${i}.norm2`, 10, 6],
    [`blocks.${i}.mlp.gelu_input`, 10, 24],
  ];
  assertEquals(sizes, [...block(0), ...block(1)]);
  assertEquals(stored.savedNames, sizes.map(([name]) => name));
  assertEquals(stored.loss, exact.loss);
  // The head, the final LayerNorm and what its gradient meets first are exact under every storage.
  const same = /^(norm|head)\.|^blocks\.1\.mlp\.fc2\.bias/;
  for (const [name, gradient] of exact.gradients) {
    assertEquals(relativeError(stored.gradients.get(name)!, gradient) < 1e-9, same.test(name), name);
  }
});

const golden = readGoldenCase(`${import.meta.dirname}/../testdata/vit-small`, "vit");

Deno.test("vitLossAndGradients() equals PyTorch's first-step gradients of vit-small", async () => {
  const { config, weights, gradients: expected, batches } = await golden;
  const tensors = referenceWeights(weightsFrom(weights, config, "model"));
  const { gradients } = vitLossAndGradients(tensors, config, batches[0]);
  assertEquals([...gradients.keys()].sort(), [...expected.keys()].sort());
  for (const [name, gradient] of weightsFrom(expected, config, "gradients")) {
    // The file rounds to float32: 2^-24 = 6e-8 an element.
    assert(relativeError(gradients.get(name)!, gradient) < 1e-7, name);
  }
});

Deno.test("vitLossAndGradients() and AdamW repeat PyTorch's ten losses of vit-small", async () => {
  const { config, optimizer, losses, weights, batches } = await golden;
  const state = referenceState(referenceWeights(weightsFrom(weights, config, "model")));
  const [beta1, beta2] = optimizer.betas;
  for (const [step, batch] of batches.entries()) {
    const { loss, gradients } = vitLossAndGradients(state.weights, config, batch);
    assertAlmostEquals(loss, losses[step], 1e-9, `step ${step + 1}`);
    updateWeights(state, gradients, { ...optimizer, beta1, beta2 });
  }
});
