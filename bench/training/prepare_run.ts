import type { Corpus } from "../../src/data/corpus.ts";
import { UserError } from "../../src/errors.ts";
import { readCheckpoint, requireCheckpointWritable, type WeightSource } from "../../src/models/checkpoint.ts";
import {
  checkModel,
  inputOf,
  type ModelConfig,
  modelConfig,
  usualSequence,
} from "../../src/models/model_config.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { refuseChoices, unusual } from "../../src/train/step_choices.ts";
import { allWithStorageOptions } from "../options/options.ts";
import { refuseUnused } from "../options/unused.ts";
import { type DataPaths, loadData, refuseIdle, type TrainingData } from "./data.ts";
import { runDefaults, type TrainingRun } from "./training_run.ts";

/** All that a training run needs beside an adapter. */
export interface PreparedRun {
  readonly run: TrainingRun;
  readonly options: TrainOptions;
  readonly weights?: WeightSource;
  readonly data: TrainingData;
  /** Tokens that the sample continues. */
  readonly prompt: readonly number[];
  readonly sampleTokens: number;
  readonly temperature: number;
}

/**
 * Reads what a run is to train, and on what; `text` is the built-in one, where this process may not ask for it. Throws a UserError for what
 * cannot be trained, and, unless another process `saves`, for a place where nothing can be saved.
 */
export async function prepareRun(
  run: TrainingRun,
  { text, saves = true }: Pick<DataPaths, "text"> & { readonly saves?: boolean } = {},
): Promise<PreparedRun> {
  const { sampleTokens, temperature, labelSmoothing } = { ...runDefaults, ...defined(run) };
  if (run.sampleTokens === 0) {
    refuseUnused("--sample-tokens 0", { temperature: run.temperature, prompt: run.prompt }, []);
  }
  refuseChoices({ ...run, clipNorm: run.clip }, { hasClip: true });
  const [policy] = allWithStorageOptions([run.policy], run);
  const chosen = await chooseModel(run);
  refuseIdle([chosen.model], { ...run, sequences: run.sequence === undefined ? [] : [run.sequence] });
  const usual = run.sequence ?? usualSequence(chosen.model);
  checkModel(chosen.model, usual, run.batch);
  if (run.noTune && run.variants !== undefined) refuseUnused("--variants", { noTune: true }, []);
  if (run.save && saves) await requireCheckpointWritable(run.save, chosen.model);
  const data = await loadData(chosen.model, { ...run, text });
  const { weights } = chosen;
  const model = weights ? chosen.model : data.fit(chosen.model);
  const sequence = run.sequence ?? usualSequence(model);
  const size = { batch: run.batch, sequence };
  data.check(model, size);
  const input = inputOf(model);
  const prompt = data.corpus && input.kind === "text" ? promptOf(run, data.corpus, input.vocab) : [];
  const options: TrainOptions = {
    model,
    ...size,
    policy,
    seed: run.seed,
    ...unusual(run),
    learningRate: run.learningRate,
    weightDecay: run.weightDecay,
    clipNorm: run.clip,
    schedule: { warmupSteps: run.warmup, totalSteps: run.steps, minimumFraction: 0.1 },
    labelSmoothing: input.kind === "images" ? labelSmoothing : 0,
  };
  return { run, options, weights, data, prompt, sampleTokens, temperature };
}

/** An object's fields that have a value. */
function defined<T extends object>(given: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const fields = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as { [Key in keyof T]?: NonNullable<T[Key]> };
}

/** The model that was chosen, or what a checkpoint holds. */
async function chooseModel(
  { model, weights, heads }: TrainingRun,
): Promise<{ model: ModelConfig; weights?: WeightSource }> {
  if (!weights) {
    if (heads) throw new UserError("--heads belongs to --weights: a model has its own");
    return { model: model ?? modelConfig("nano") };
  }
  if (model) throw new UserError(`Leave out --model: ${weights} tells the model`);
  return await readCheckpoint(weights, { heads });
}

/** Token ids that the sample continues. */
function promptOf({ prompt }: TrainingRun, corpus: Corpus, vocab: number): number[] {
  if (!prompt) return [...corpus.validation.subarray(0, 32)];
  if (!corpus.decode) throw new UserError("--prompt needs a text: leave it out for a token file");
  const ids = [...new TextEncoder().encode(prompt)];
  const strange = ids.find((id) => id >= vocab);
  if (strange === undefined) return ids;
  throw new UserError(
    `--prompt holds the byte ${strange}, outside the vocabulary of ${vocab}; write another`,
  );
}
