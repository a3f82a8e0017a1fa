import { type Batch, RandomBatches, sequentialBatches } from "../../src/data/batches.ts";
import { checkVocabulary, type Corpus, loadCorpus, requireLength } from "../../src/data/corpus.ts";
import { bigramLoss, unigramEntropy } from "../../src/data/entropy.ts";
import { heldOutBatches, ImageBatches } from "../../src/data/image_batches.ts";
import { type ImageData, loadImages } from "../../src/data/image_data.ts";
import { classEntropy, linearRuleLoss } from "../../src/data/linear_rule.ts";
import { UserError } from "../../src/errors.ts";
import { familyOf } from "../../src/models/families.ts";
import type { Input } from "../../src/models/shared/family.ts";
import { inputOf, type ModelConfig } from "../../src/models/model_config.ts";
import type { Baseline, DataReport } from "../results/results.ts";

/** Batches of the validation split that a validation loss is the mean of, where the split has as many. */
const validationBatches = 8;

/**
 * Held-out images that are looked at, where there are as many, and the most batches of them. A mean over a thousand scatters by a percent and
 * a half between policies that differ in nothing else; but each that is generated has to be drawn.
 */
const validationImages = { drawn: 1024, read: 10_000 };
const mostImageBatches = { drawn: 32, read: 160 };

/** Sequences of a batch, and their tokens. */
interface Size {
  batch: number;
  sequence: number;
}

/** The batches that held-out data are cut into; with `reference` for as much of them as batches of so many would hold. */
type Held = Size & { reference?: number };

/** What a model is trained on, texts or images, and how it is cut into batches. */
export interface TrainingData {
  readonly report: DataReport;
  /**
   * What is known of the data without a network, in nats a target of the held-out ones: of all of a text, and of those images that
   * `validation` takes. Takes seconds to find out.
   */
  baseline(size: Held): Baseline;
  /** The text, where there is one. */
  readonly corpus?: Corpus;
  /** The model, with as many classes as the data need. */
  fit(model: ModelConfig): ModelConfig;
  /** Throws a UserError if the model cannot take the data, or they do not fill a batch; without quality steps, one to train on. */
  check(model: ModelConfig, size: Size & { qualitySteps?: number }): void;
  /** The same seed gives the same batches. Images are moved and mirrored unless `augmentation` is "none". */
  training(size: Size & { seed: number; augmentation?: "none" }): { next(): Batch };
  /**
   * Always the same batches. With `reference` they hold the windows that batches of so many would, so that losses of different batches are of
   * the same text; of images, as many as fill whole batches.
   */
  validation(size: Held): Batch[];
}

/** Where data come from: a text and images, each a path or a name, or, left out, the built-in ones. */
export interface DataPaths {
  data?: string;
  images?: string;
  /** The built-in text, where this process may not ask for it. */
  text?: Uint8Array<ArrayBuffer>;
}

/** Choices of the command line that only some models can use. */
export interface DataChoices extends DataPaths {
  prompt?: string;
  sampleTokens?: number;
  temperature?: number;
  labelSmoothing?: number;
  sequences?: readonly number[];
}

/** Throws a UserError for a choice of the command line that none of the models can use. */
export function refuseIdle(models: readonly ModelConfig[], choices: DataChoices): void {
  const names = [...new Set(models.map(({ name }) => name))].join(", ");
  const learnFrom = (kind: Input["kind"]) => models.some((model) => inputOf(model).kind === kind);
  const texts = { who: "models of texts", usable: learnFrom("text") };
  const images = { who: "models of images", usable: learnFrom("images") };
  const anyLength = {
    who: "models of sequences of any length",
    usable: models.some((model) => familyOf(model).choosesSequence),
  };
  const all = [
    ["--images", choices.images !== undefined, images],
    ["--label-smoothing", choices.labelSmoothing !== undefined, images],
    ["--data", choices.data !== undefined, texts],
    ["--prompt", choices.prompt !== undefined, texts],
    ["--sample-tokens", Boolean(choices.sampleTokens), texts],
    ["--temperature", choices.temperature !== undefined, texts],
    ["--sequence", Boolean(choices.sequences?.length), anyLength],
  ] as const;
  const idle = all.find(([, given, { usable }]) => given && !usable);
  if (!idle) return;
  const [option, , { who }] = idle;
  throw new UserError(
    `${option} is for ${who}, which ${names} ${models.length > 1 ? "are" : "is"} not; leave it out`,
  );
}

/** The data that a model is trained on. Throws a UserError if they cannot be read, and for ids outside the model's vocabulary. */
export async function loadData(model: ModelConfig, { data, images, text }: DataPaths): Promise<TrainingData> {
  const input = inputOf(model);
  switch (input.kind) {
    case "text":
      return textData(requireVocabulary(await loadCorpus({ path: data, text }), input.vocab));
    case "images":
      return imageData(await loadImages({ path: images, size: input.size }));
  }
}

/** The corpus, once all of its ids are below `vocab`: what counts ids has a place for each up to the largest. */
function requireVocabulary(corpus: Corpus, vocab: number): Corpus {
  if (corpus.vocab > vocab) checkVocabulary(corpus, vocab);
  return corpus;
}

/** The paths of data that one of some models learns from. */
export function usedPaths(
  models: readonly ModelConfig[],
  { data, images }: DataPaths,
): Pick<DataPaths, "data" | "images"> {
  const kinds = new Set(models.map((model) => inputOf(model).kind));
  return { data: kinds.has("text") ? data : undefined, images: kinds.has("images") ? images : undefined };
}

/** What models have in common that are trained on the same data. */
export function dataKey(model: ModelConfig): string {
  const input = inputOf(model);
  switch (input.kind) {
    case "text":
      return "text";
    case "images":
      return `images of ${input.size}`;
  }
}

/** The text of some data, if one of them is a text: that which is built in, where no path is given. */
export function builtInText(all: readonly TrainingData[]): Uint8Array<ArrayBuffer> | undefined {
  const corpus = all.find((data) => data.corpus)?.corpus;
  return corpus && Uint8Array.from([...corpus.train, ...corpus.validation]);
}

/** A text as training data. */
function textData(corpus: Corpus): TrainingData {
  const { name, digest, vocab, train, validation } = corpus;
  return {
    corpus,
    report: {
      kind: "text",
      name,
      digest,
      trainTokens: train.length,
      validationTokens: validation.length,
      unigramEntropy: unigramEntropy(validation, vocab),
    },
    baseline: () => ({ rule: "bigram", loss: bigramLoss(train, validation, vocab) }),
    fit: (model) => model,
    check(model, { sequence, qualitySteps }) {
      const input = inputOf(model);
      if (input.kind !== "text") throw new UserError(`Model "${model.name}" reads no texts`);
      requireVocabulary(corpus, input.vocab);
      requireLength(corpus, sequence, qualitySteps !== 0);
    },
    training: (options) => new RandomBatches(train, options),
    validation({ batch, sequence, reference = batch }) {
      const most = Math.floor(validation.length / (reference * sequence));
      const count = Math.max(1, Math.min(validationBatches, most));
      return sequentialBatches(validation, { batch, sequence, rows: count * reference });
    },
  };
}

/** Labelled images as training data. */
export function imageData(
  { name, digest, classes, generated, train, heldOut, size }: ImageData,
): TrainingData {
  const origin = generated ? "drawn" : "read";
  /** Whole batches that are looked at, the first ones. */
  const batchesOf = ({ batch, reference = batch }: Held) => {
    const most = Math.min(mostImageBatches[origin], Math.ceil(validationImages[origin] / reference));
    return Math.min(Math.max(1, Math.floor(most * reference / batch)), Math.floor(heldOut.count / batch));
  };
  return {
    report: {
      kind: "images",
      name,
      digest,
      classes,
      generated,
      trainImages: train.count,
      heldOutImages: heldOut.count,
    },
    baseline(held) {
      const count = held.batch * batchesOf(held);
      return generated // to draw thousands of images takes longer than to train on a few
        ? { rule: "classes", loss: classEntropy(heldOut, classes, count) }
        : { rule: "linear", loss: linearRuleLoss(train, heldOut, { classes, size, count }) };
    },
    fit: (model) => "classes" in model ? { ...model, classes: Math.max(model.classes, classes) } : model,
    check(model, { batch }) {
      if (inputOf(model).kind !== "images") throw new UserError(`Model "${model.name}" looks at no images`);
      if (heldOut.count < batch) {
        throw new UserError(
          `${name} holds out ${heldOut.count} images, fewer than a batch of ${batch}; give a smaller --batch`,
        );
      }
    },
    training: ({ batch, seed, augmentation }) => new ImageBatches(train, { batch, size, seed, augmentation }),
    validation: (held) => heldOutBatches(heldOut, { batch: held.batch, size, count: batchesOf(held) }),
  };
}
