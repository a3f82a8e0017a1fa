import { assertEquals } from "@std/assert";
import { gpuTest, narrowLimits } from "../../../kernels/testing/testing.ts";
import { Random } from "../../data/random.ts";
import type { BuilderOptions } from "../../gpu/builder.ts";
import { weightsFrom } from "../checkpoint.ts";
import { type GoldenCase, readGoldenCase } from "../golden_case.ts";
import type { Sizes } from "../shared/family.ts";
import { languageLoss } from "../shared/language_model.ts";
import { referenceWeights } from "../shared/transformer_reference.ts";
import {
  assertResult,
  exactly,
  languageTensors,
  lossOnDevice,
  mesa8,
  type ModelResult,
  movedWeights,
  storages,
  type TestedStorage,
  withStored,
} from "../testing.ts";
import type { LlamaConfig } from "./config.ts";
import { decoderInitial } from "../shared/decoder_initial.ts";
import { llamaModel } from "./model.ts";
import { llamaParameters } from "./parameters.ts";
import { llamaLossAndGradients } from "./reference.ts";

/** What a loss is computed from. */
type Case = Pick<GoldenCase<"llama">, "batches" | "batch" | "sequence"> & {
  config: Sizes<LlamaConfig>;
  weights: ReadonlyMap<string, Float32Array>;
};

/** Loss and gradients of a case's first batch under a policy, on the device. */
function onDevice(
  given: Case,
  storage: TestedStorage,
  options: Partial<BuilderOptions> = {},
): Promise<ModelResult> {
  const model = { modelType: "llama" as const, name: "case", ...given.config };
  const [batch] = given.batches;
  return lossOnDevice(
    llamaParameters(model, "all"),
    given.weights,
    batch.targets.filter((target) => target >= 0).length,
    (tape, parameters, t) => {
      const tensors = languageTensors(t, batch, model.vocab);
      languageLoss(tape, llamaModel(model, parameters), tensors, given);
      return tensors.lossRing;
    },
    storage,
    options,
  );
}

/** The same in float64; what the device stored stands for each saved tensor. */
function onHost({ config, weights, batches, ...shape }: Case, found: ModelResult, storage: TestedStorage) {
  const [{ inputs, targets }] = batches;
  return withStored(
    found,
    storage,
    (stored) => llamaLossAndGradients(referenceWeights(weights), config, inputs, targets, shape, stored),
  );
}

/** Policies whose groups of channels divide any number of them: four do not divide the 42 of llama-ragged's keys. */
const dividing = storages.filter(({ policy }) => typeof policy.grouping === "string");

for (const name of ["llama-regular", "llama-ragged"]) {
  const golden = readGoldenCase(`${import.meta.dirname}/../testdata/${name}`, "llama").then((read) => ({
    ...read,
    weights: weightsFrom(read.weights, read.config, name),
    gradients: weightsFrom(read.gradients, read.config, name),
  }));
  let exact: Promise<ModelResult> | undefined;
  const underExact = async () => await (exact ??= onDevice(await golden, exactly));

  gpuTest(`A Llama's loss equals PyTorch's loss and gradients of ${name} under exact`, async () => {
    const { losses, gradients } = await golden;
    assertResult(await underExact(), { loss: losses[0], gradients });
  });

  for (const storage of name === "llama-ragged" ? dividing : storages) {
    gpuTest(
      `A Llama's loss of ${name} under ${storage.what} equals the reference that reads the same stored values`,
      async () => {
        const found = await onDevice(await golden, storage);
        if (storage.policy.attention === "fused") {
          assertEquals(found.loss, (await underExact()).loss, "forward is exact under every policy");
        }
        assertResult(found, onHost(await golden, found, storage));
      },
    );
  }
}

/** A model of its own: heads of all of the width and more, a hidden size that is no multiple of four, tied words, stretched positions. */
const odd: Sizes<LlamaConfig> = {
  ...{ layers: 2, width: 30, heads: 4, keyHeads: 1, headSize: 10, hidden: 45, vocab: 61, positions: 64 },
  ...{ tiedHead: true, rotaryBase: 100, normEpsilon: 1e-5 },
  rotaryScaling: { factor: 8, slow: 1, fast: 4, positions: 16 },
};

function randomCase(config: Sizes<LlamaConfig>, size: { batch: number; sequence: number }): Case {
  const random = new Random(1);
  const tokens = Array.from({ length: 2 * size.batch * size.sequence }, () => random.below(config.vocab));
  const [inputs, targets] = [tokens.slice(tokens.length / 2), tokens.slice(0, tokens.length / 2)];
  return {
    config,
    weights: movedWeights(llamaParameters(config, "all"), (shape) => decoderInitial(shape, config)),
    batches: [{ inputs: Uint32Array.from(inputs), targets: Int32Array.from(targets) }],
    ...size,
  };
}

for (const storage of [exactly, ...storages.slice(0, 4)]) {
  gpuTest(
    `A Llama's loss of odd sizes, tied words and stretched positions equals the reference under ${storage.what}`,
    async () => {
      const given = randomCase(odd, { batch: 2, sequence: 37 });
      const found = await onDevice(given, storage);
      assertResult(found, onHost(given, found, storage));
    },
  );
}

gpuTest("A Llama's loss over several windows of rows equals the reference", async () => {
  const config = {
    ...odd,
    layers: 1,
    width: 72,
    heads: 6,
    keyHeads: 2,
    headSize: 12,
    hidden: 144,
    vocab: 560,
  };
  const given = randomCase(config, { batch: 6, sequence: 32 });
  // Gates and what they let pass fit 128 of their 192 rows, the word embedding 512 of its 560, the logits 64.
  const found = await onDevice(given, mesa8, { limits: narrowLimits(128 * 2 * config.hidden * 4) });
  assertResult(found, onHost(given, found, mesa8));
});
