import { plural } from "../../src/text/format.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import {
  type CellConfiguration,
  type CellRecord,
  type DataReport,
  variantsOf,
  withUsualKernels,
} from "../results/results.ts";
import { variantsFile } from "../../src/tuning/variants_file.ts";

type Entry = [name: string, text: string];

/** What was trained on: a line for each text and each set of images. */
export function describeData(records: readonly CellRecord[]): Entry[] {
  return distinct(records.map((r) => r.data), ({ kind, digest }) => kind + digest).map(describe);
}

function describe(data: DataReport): Entry {
  const name = `${data.name} (${data.digest})`;
  if (data.kind === "text") {
    return ["Text", `${name}, ${data.trainTokens} tokens to train on, ${data.validationTokens} to validate`];
  }
  const { trainImages, heldOutImages, classes, generated } = data;
  return [
    "Images",
    `${name}, ${generated ? "generated, " : ""}${trainImages} to train on, ${heldOutImages} held out, ${
      plural(classes, "class", "classes")
    }`,
  ];
}

/** How the models were trained: a line for each recipe, with its models where there are several; not where memory was re-invested, whose table tells. */
export function describeTraining(records: readonly CellRecord[]): Entry[] {
  const own = records.filter(({ configuration }) => !configuration.reinvested);
  const trained = own.filter(({ configuration }) => configuration.qualitySteps > 0);
  const byRecipe = Map.groupBy(
    trained.length > 0 ? trained : own,
    ({ configuration }) => recipe(configuration),
  );
  return [...byRecipe].map(([text, members]) => {
    const models = distinct(members.map((r) => r.configuration.model), (model) => model).join(", ");
    return [byRecipe.size > 1 ? `Training of ${models}` : "Training", text];
  });
}

function recipe(configuration: CellConfiguration): string {
  const { learningRate, weightDecay, clipNorm, labelSmoothing, schedule, augmentation } = configuration;
  return [
    `AdamW, learning rate ${learningRate}`,
    schedule
      ? `${
        plural(schedule.warmupSteps, "step")
      } of warm-up and a cosine down to ${schedule.minimumFraction} of it at step ` +
        schedule.totalSteps
      : "constant",
    `weight decay ${weightDecay}`,
    clipNorm ? `clipping at norm ${clipNorm}` : "no clipping",
    labelSmoothing ? `label smoothing ${labelSmoothing}` : "no label smoothing",
    ...augmentation ? ["images as they are"] : [],
  ].join(", ");
}

/** Which of the kernels' variants were set and which the table chose; nothing in records that do not tell. */
export function describeVariants(records: readonly CellRecord[]): Entry[] {
  const all = Object.keys(variantsOf(records));
  if (all.length === 0) return [];
  const told = withUsualKernels(records);
  const given = new Set(told.flatMap(({ configuration }) => Object.keys(configuration.variants ?? {})));
  const set = all.filter((key) => given.has(key)).length;
  const arithmetics = new Set(records.map(({ configuration }) => configuration.arithmetic));
  const of = arithmetics.size > 1
    ? `Those of steps in ${told[0].configuration.arithmetic ?? stepDefaults.arithmetic}: `
    : "";
  return [[
    "Variants of kernels",
    `${of}${set} set by a tuning run or a file, ${
      all.length - set
    } by the table; \`--variants\` takes \`${variantsFile}\` again`,
  ]];
}

/** The complete document of each storage policy, as blocks of JSON. */
export function describePolicies(records: readonly CellRecord[]): string {
  return blocks(records.map((r) => r.configuration.storage));
}

/** Likewise of each model that is no preset; empty if all are. */
export function describeModels(records: readonly CellRecord[]): string {
  return blocks(records.flatMap((r) => r.configuration.modelDocument ?? []));
}

function blocks(documents: readonly object[]): string {
  return distinct(documents, (document) => JSON.stringify(document))
    .map((document) => "```json\n" + JSON.stringify(document, null, 2) + "\n```").join("\n\n");
}

/** The first of each that share a key, in order. */
function distinct<T>(values: readonly T[], key: (value: T) => string): T[] {
  return [...Map.groupBy(values, key).values()].map(([first]) => first);
}
