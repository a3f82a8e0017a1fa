import type { TokenBatch } from "../data/batches.ts";
import type { ImageBatch } from "../data/image_batches.ts";
import type { Arithmetic } from "../gpu/arithmetic.ts";
import type { Gpu } from "../gpu/device.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { Weights } from "../models/checkpoint.ts";
import { byFamily, familyOf, type ModelConfig } from "../models/families.ts";
import type { GoldenCase } from "../models/golden_case.ts";
import { gpt2LossAndGradients } from "../models/gpt2/reference.ts";
import { llamaLossAndGradients } from "../models/llama/reference.ts";
import { toCheckpoint } from "../models/shared/checkpoint_parameters.ts";
import type { ReferenceStorage } from "../models/shared/reference_storage.ts";
import { type ReferenceTensors, referenceWeights } from "../models/shared/transformer_reference.ts";
import { vitLossAndGradients } from "../models/vit/reference.ts";
import type { PolicyDocument } from "../storage/policy_document.ts";
import { TrainingSession } from "./session.ts";

/** A case's model, under the name that messages give it. */
const modelOf = ({ config }: GoldenCase, name: string) => ({ ...config, name }) as ModelConfig;

/** Training as a reference case was trained, under a policy. `name` is what the model is called. */
export function goldenSession(
  gpu: Gpu,
  golden: GoldenCase,
  weights: Weights,
  policy: PolicyDocument,
  name: string,
  arithmetic?: Arithmetic,
): Promise<TrainingSession> {
  const { optimizer, batch, sequence } = golden;
  return TrainingSession.create(gpu, {
    model: modelOf(golden, name),
    sequence,
    ...optimizer,
    policy,
    arithmetic,
    batch,
    seed: 0,
    clipNorm: 0,
    pixels: "f32",
  }, weights);
}

/** The same of a model that continues texts. */
const ofTexts = <Config>(lossAndGradients: TextReference<Config>) =>
(
  config: Config,
  { batches: [batch], ...shape }: GoldenCase,
  weights: Weights,
  storage: ReferenceStorage,
) => {
  const { inputs, targets } = batch as TokenBatch;
  return lossAndGradients(referenceWeights(weights), config, inputs, targets, shape, storage);
};

type TextReference<Config> = (
  weights: ReferenceTensors,
  config: Config,
  inputs: Uint32Array,
  targets: Int32Array,
  shape: { batch: number; sequence: number },
  storage: ReferenceStorage,
) => { gradients: ReferenceTensors };

/** Loss and gradients of a batch in float64, by family. */
const references = byFamily({
  gpt2: ofTexts(gpt2LossAndGradients),
  llama: ofTexts(llamaLossAndGradients),
  vit: (config, { batches: [batch] }: GoldenCase, weights: Weights, storage: ReferenceStorage) =>
    vitLossAndGradients(referenceWeights(weights), config, batch as ImageBatch, storage),
});

/** Gradients of a case's first batch in float64, under the names and in the shapes of its files. */
export function goldenReference(
  golden: GoldenCase,
  weights: Weights,
  storage: ReferenceStorage = {},
): Map<string, NamedTensor> {
  const model = modelOf(golden, "the case");
  const { gradients } = references(model, golden, weights, storage);
  return new Map(
    familyOf(model).parameters(model, "all").flatMap((parameter) =>
      toCheckpoint(parameter, Float32Array.from(gradients.get(parameter.name)!))
    ),
  );
}
