import { command, message, object, string, text } from "@optique/core";
import { policyDocument } from "../../src/storage/policies.ts";
import { trainDefaults } from "../../src/train/options.ts";
import * as given from "../options/options.ts";
import { defaulted, maybe } from "../options/options.ts";
import { launchedRanks, takeLaunch } from "../processes/launched.ts";
import { runTraining } from "../training/run_training.ts";
import { runDefaults } from "../training/training_run.ts";
import { nonNegative, seed, share, whole } from "../options/value_parsers.ts";

export const options = object({
  model: maybe(
    "--model",
    given.model,
    message`Model, a preset or a document (.json); left out, the checkpoint's or nano`,
  ),
  sequence: maybe("--sequence", whole(1), message`Tokens of a sequence; each model has a usual length`),
  batch: defaulted("--batch", whole(1), 4, message`Sequences of a step, or of each of its micro-batches`),
  policy: defaulted("--policy", given.policy, policyDocument("exact"), message`Storage policy`),
  ...given.storageOptions,
  ...given.stepOptions,
  ...given.rankOptions,
  steps: defaulted("--steps", whole(1), 300, message`Training steps`),
  seed: defaulted("--seed", seed, 1, message`Seed of parameters, batches, rounding and the sample`),
  data: given.dataOption,
  images: given.imagesOption,
  learningRate: defaulted(
    "--learning-rate",
    nonNegative,
    trainDefaults.learningRate,
    message`Highest learning rate of AdamW`,
  ),
  weightDecay: defaulted(
    "--weight-decay",
    nonNegative,
    trainDefaults.weightDecay,
    message`Weight decay of the matrices`,
  ),
  clip: defaulted(
    "--clip",
    nonNegative,
    trainDefaults.clipNorm,
    message`Largest norm of the gradient; 0: no clipping`,
  ),
  labelSmoothing: maybe(
    "--label-smoothing",
    share,
    message`Share of the target that is spread over all classes of an image (${
      text(`${runDefaults.labelSmoothing}`)
    })`,
  ),
  warmup: defaulted("--warmup", whole(0), 20, message`Steps in which the learning rate rises`),
  evalEvery: defaulted("--eval-every", whole(0), 0, message`Steps between validations; 0: only at the end`),
  weights: maybe(
    "--weights",
    given.file,
    message`Checkpoint to begin with: a file (.safetensors), an index of shards, or a folder`,
  ),
  heads: maybe("--heads", whole(1), message`Heads, where the checkpoint does not tell them`),
  save: maybe(
    "--save",
    given.file,
    message`Where to save the trained model: a file (.safetensors), or else a folder`,
  ),
  sampleTokens: maybe(
    "--sample-tokens",
    whole(0),
    message`Tokens to write at the end (${text(`${runDefaults.sampleTokens}`)}); 0: none`,
  ),
  temperature: maybe(
    "--temperature",
    nonNegative,
    message`Of the sample (${text(`${runDefaults.temperature}`)}); 0: the likeliest token`,
  ),
  prompt: maybe("--prompt", string({ metavar: "TEXT" }), message`What the sample continues`),
  ...given.variantOptions,
  ...given.adapterOptions,
  json: given.jsonOption,
});
const brief = message`Train one model with a live loss line`;

export const train = command("train", options, { brief, usageLine: [{ type: "ellipsis" }] }).map(
  (o) => () => {
    const launched = takeLaunch();
    if (!launched) return runTraining(o);
    if (launched.rank > 0) return 0; // the first starts ranks of its own
    return runTraining({ ...o, ranks: launchedRanks(launched, [o.ranks]) });
  },
);
