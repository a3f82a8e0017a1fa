import { assertEquals } from "@std/assert";
import { gpuTest, narrowLimits } from "../../../kernels/testing/testing.ts";
import { Random } from "../../data/random.ts";
import type { BuilderOptions } from "../../gpu/builder.ts";
import { type GoldenCase, readGoldenCase } from "../golden_case.ts";
import { languageLoss } from "../shared/language_model.ts";
import { gpt2Model } from "./model.ts";
import { gpt2Parameters } from "./parameters.ts";
import { decoderInitial } from "../shared/decoder_initial.ts";
import { gpt2LossAndGradients, type Gpt2ReferenceConfig } from "./reference.ts";
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
import { referenceWeights } from "../shared/transformer_reference.ts";

/** What a loss is computed from. */
type Case = Pick<GoldenCase<"gpt2">, "batches" | "batch" | "sequence"> & {
  config: Gpt2ReferenceConfig;
  weights: Map<string, Float32Array>;
};

/** Loss and gradients of a case's first batch under a policy, on the device. */
function onDevice(
  given: Case,
  storage: TestedStorage,
  options: Partial<BuilderOptions> = {},
): Promise<ModelResult> {
  const model = { modelType: "gpt2" as const, name: "case", ...given.config };
  const valid = given.batches[0].targets.filter((target) => target >= 0).length;
  return lossOnDevice(
    gpt2Parameters(model, "all"),
    given.weights,
    valid,
    (tape, parameters, t) => {
      const tensors = languageTensors(t, given.batches[0], model.vocab);
      languageLoss(tape, gpt2Model(model, parameters), tensors, given);
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
    (stored) => gpt2LossAndGradients(referenceWeights(weights), config, inputs, targets, shape, stored),
  );
}

/** Tensors' elements alone. */
const elements = (tensors: GoldenCase<"gpt2">["weights"]) =>
  new Map([...tensors].map(([name, { data }]) => [name, data as Float32Array]));

for (const name of ["gpt2-regular", "gpt2-ragged"]) {
  const golden = readGoldenCase(`${import.meta.dirname}/../testdata/${name}`, "gpt2")
    .then((read) => ({ ...read, weights: elements(read.weights), gradients: elements(read.gradients) }));
  let exact: Promise<ModelResult> | undefined;
  const underExact = async () => await (exact ??= onDevice(await golden, exactly));

  gpuTest(`A GPT-2's loss equals PyTorch's loss and gradients of ${name} under exact`, async () => {
    const { losses, gradients } = await golden;
    assertResult(await underExact(), { loss: losses[0], gradients });
  });

  for (const storage of storages) {
    gpuTest(
      `A GPT-2's loss of ${name} under ${storage.what} equals the reference that reads the same stored values`,
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

gpuTest("A GPT-2's loss over several windows of rows equals the reference", async () => {
  const config = { layers: 1, width: 72, heads: 3, vocab: 560, positions: 32, layerNormEpsilon: 1e-5 };
  const model = { modelType: "gpt2" as const, name: "windowed", ...config };
  const weights = movedWeights(
    gpt2Parameters(model, "all"),
    (shape) => decoderInitial(shape, config),
  );
  const random = new Random(1);
  const word = () => random.below(config.vocab);
  const size = { batch: 6, sequence: 32 };
  const batch = {
    inputs: Uint32Array.from({ length: size.batch * size.sequence }, word),
    targets: Int32Array.from({ length: size.batch * size.sequence }, word),
  };
  const given = { config, weights, batches: [batch], ...size };
  // GELU's input fits 128 of its 192 rows, the word embedding 512 of its 560, the logits 64.
  const limits = narrowLimits(128 * 4 * config.width * 4);
  const found = await onDevice(given, mesa8, { limits });
  assertResult(found, onHost(given, found, mesa8));
});
