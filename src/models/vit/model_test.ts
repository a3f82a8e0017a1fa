import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { gpuTest, narrowLimits, runTest, type TestProgram } from "../../../kernels/testing/testing.ts";
import { Random } from "../../data/random.ts";
import type { BuilderOptions } from "../../gpu/builder.ts";
import { typicalGpuLimits } from "../../gpu/limits.ts";
import { weightsFrom } from "../checkpoint.ts";
import { readGoldenCase } from "../golden_case.ts";
import { ParameterSet } from "../../nn/parameters.ts";
import { Tape } from "../../nn/tape.ts";
import {
  assertResult,
  exactly,
  fillModel,
  lossOnDevice,
  mesa8,
  type ModelResult,
  movedWeights,
  storages,
  type TestedStorage,
  withStored,
} from "../testing.ts";
import { limit, type ReferenceStorage } from "../shared/reference_storage.ts";
import { referenceWeights } from "../shared/transformer_reference.ts";
import { vitLoss, type VitTensors } from "./model.ts";
import { vitParameters } from "./parameters.ts";
import type { VitConfig } from "./config.ts";
import { vitInitial } from "./initialize.ts";
import { vitLossAndGradients } from "./reference.ts";

/** What a loss is computed from. Weights are in the models' layout. */
interface Case {
  config: VitConfig;
  weights: ReadonlyMap<string, Float32Array>;
  batch: { images: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>; labels: Int32Array<ArrayBuffer> };
  smoothing: number;
}

/** The tensors of a batch. */
function batchOf(
  { builder, fill, integers, output }: TestProgram,
  { images, labels }: Case["batch"],
): VitTensors {
  const cols = images.length / labels.length;
  const dtype = images instanceof Uint8Array ? "u8" : "f32";
  const pixels = builder.tensor("images", labels.length, cols, { category: "head", dtype, stride: cols });
  const words = new Uint8Array(Math.ceil(images.byteLength / 4) * 4);
  words.set(new Uint8Array(images.buffer));
  fill(pixels, words);
  return {
    images: pixels,
    labels: integers("labels", labels),
    lossRing: output("loss", 1, 1, { stride: 1 }),
    hitRing: output("hits", 1, 1, { stride: 1 }),
  };
}

/** Loss and gradients under a policy, on the device. */
function onDevice(
  { config, weights, batch, smoothing }: Case,
  storage: TestedStorage,
  options: Partial<BuilderOptions> = {},
): Promise<ModelResult> {
  const count = batch.labels.length;
  return lossOnDevice(
    vitParameters(config, "all"),
    weights,
    count,
    (tape, parameters, t) => {
      const tensors = batchOf(t, batch);
      vitLoss(tape, config, parameters, tensors, count, smoothing);
      return tensors.lossRing;
    },
    storage,
    options,
  );
}

/** The same in float64; what the device stored stands for each saved tensor. */
const onHost = (given: Case, found: ModelResult, storage: TestedStorage) =>
  withStored(found, storage, (stored) => reference(given, stored));

const reference = ({ config, weights, batch, smoothing }: Case, storage?: ReferenceStorage) =>
  vitLossAndGradients(referenceWeights(weights), config, batch, { smoothing, ...storage });

async function goldenCase(): Promise<Case & { losses: number[]; gradients: Map<string, Float32Array> }> {
  const { config, weights, gradients, batches, losses } = await readGoldenCase(
    `${import.meta.dirname}/../testdata/vit-small`,
    "vit",
  );
  return {
    config: { name: "vit-small", ...config },
    weights: weightsFrom(weights, config, "model"),
    gradients: weightsFrom(gradients, config, "gradients"),
    ...{ batch: batches[0], smoothing: 0, losses },
  };
}

/** Rows, heads and, unless `sizes` say otherwise, patches of pixels that are no whole vectors of four; pixels are bytes. */
function raggedCase(count: number, sizes = { image: 21, patch: 7 }): Case {
  const config: VitConfig = {
    ...{ modelType: "vit", name: "ragged", ...sizes, layers: 1, width: 30, heads: 5, classes: 7 },
    layerNormEpsilon: 1e-6,
  };
  const random = new Random(5);
  return {
    config,
    weights: movedWeights(vitParameters(config, "all"), (shape) => vitInitial(shape, config)),
    batch: {
      images: Uint8Array.from({ length: count * 3 * sizes.image ** 2 }, () => random.below(256)),
      labels: Int32Array.from({ length: count }, () => random.below(7)),
    },
    smoothing: 0.1,
  };
}

const golden = goldenCase();
let goldenExact: Promise<ModelResult> | undefined;
const goldenUnderExact = async () => await (goldenExact ??= onDevice(await golden, exactly));

gpuTest("vitLoss() equals PyTorch's loss and gradients of vit-small under exact", async () => {
  const { losses, gradients } = await golden;
  assertResult(await goldenUnderExact(), { loss: losses[0], gradients });
});

for (const storage of storages) {
  gpuTest(
    `vitLoss() of vit-small under ${storage.what} equals the reference that reads the same stored values`,
    async () => {
      const found = await onDevice(await golden, storage);
      if (storage.policy.attention === "fused") {
        assertEquals(found.loss, (await goldenUnderExact()).loss, "forward is exact under every policy");
      }
      assertResult(found, onHost(await golden, found, storage));
    },
  );
}

gpuTest("vitLoss() of ragged sizes, bytes and smoothed labels equals the reference", async () => {
  const given = raggedCase(3);
  assertResult(await onDevice(given, exactly), reference(given));
  const found = await onDevice(given, mesa8);
  assertResult(found, onHost(given, found, mesa8));
});

gpuTest("vitLoss() over several windows of rows equals the reference", async () => {
  const given = raggedCase(190, { image: 8, patch: 4 });
  // Of 950 rows, attention fits 326; patches fit 625 written out, and 937 where a product gathers them. Whole images begin after 320.
  const limits = narrowLimits(120_000);
  const found = await onDevice(given, mesa8, { limits });
  assertResult(found, onHost(given, found, mesa8));
});

gpuTest("vitLoss() on a tape that saves nothing gives the loss and the share of hits", async () => {
  const given = raggedCase(3);
  const { config, weights, batch } = given;
  const lossAs = (images: Uint8Array<ArrayBuffer>, label: number) =>
    reference({ ...given, batch: { images, labels: Int32Array.of(label) } }).loss;
  // The largest logit is that of the label with the least loss. One of the three labels is made a wrong one.
  const likeliest = batch.labels.map((_, i) => {
    const images = (batch.images as Uint8Array<ArrayBuffer>).slice(i * 3 * 21 ** 2, (i + 1) * 3 * 21 ** 2);
    const losses = Array.from({ length: config.classes }, (_, label) => lossAs(images, label));
    return losses.indexOf(Math.min(...losses));
  });
  const labels = likeliest.with(1, (likeliest[1] + 1) % config.classes);
  const labelled = { ...given, batch: { ...batch, labels } };
  const parameters = new ParameterSet(vitParameters(config, "all"), typicalGpuLimits);
  await runTest((t) => {
    fillModel(t, parameters, weights, labels.length);
    const tensors = batchOf(t, labelled.batch);
    vitLoss(Tape.evaluation(t.builder), config, parameters, tensors, labels.length, given.smoothing);
    return tensors;
  }, async ({ lossRing, hitRing }, read, { description }) => {
    assertAlmostEquals((await read(lossRing))[0], reference(labelled).loss, limit);
    assertAlmostEquals((await read(hitRing))[0], 2 / 3, limit);
    assert(description.tensors.every(({ category }) => category !== "saved"), "something was saved");
  });
});
