import type { Corpus } from "../../src/data/corpus.ts";
import { UserError } from "../../src/errors.ts";
import { builderOptionsFor, type Variants } from "../../src/gpu/builder.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { requireWritable } from "../../src/io/files.ts";
import { readCheckpoint, type Weights, writeCheckpoint } from "../../src/models/checkpoint.ts";
import {
  checkModel,
  inputOf,
  type ModelConfig,
  modelConfig,
  usualSequence,
} from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { type Evaluation, TrainingSession, type TrainOptions } from "../../src/train/session.ts";
import { tunedVariants } from "../../src/tuning/tuned_variants.ts";
import { loadData, refuseIdle } from "./data.ts";
import { bytes, duration, number, percentage } from "../../src/text/format.ts";
import { withStorageOptions } from "../options/options.ts";
import type { DataReport } from "../results/results.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { trainSteps } from "./training_loop.ts";

/** What `train` is asked for; see its options for what each means. */
export interface TrainingRun {
  model?: ModelConfig;
  sequence?: number;
  batch: number;
  policy: PolicyDocument;
  rounding?: PolicyDocument["rounding"];
  ranges?: PolicyDocument["ranges"];
  attention?: PolicyDocument["attention"];
  steps: number;
  seed: number;
  data?: string;
  images?: string;
  learningRate: number;
  weightDecay: number;
  clip: number;
  labelSmoothing: number;
  warmup: number;
  evalEvery: number;
  weights?: string;
  heads?: number;
  save?: string;
  sampleTokens: number;
  temperature: number;
  prompt?: string;
  variants?: string;
  noTune: boolean;
  requireGpu: boolean;
}

/** Trains a model, shows how it goes, and, of a text, what it writes in the end. Returns the exit code. */
export async function runTraining(run: TrainingRun): Promise<number> {
  await ensureAdapterEnvironment(run);
  const chosen = await chooseModel(run);
  refuseIdle([chosen.model], { ...run, sequences: run.sequence === undefined ? [] : [run.sequence] });
  const data = await loadData(chosen.model, run);
  const { weights } = chosen;
  const model = weights ? chosen.model : data.fit(chosen.model);
  const sequence = run.sequence ?? usualSequence(model);
  checkModel(model, sequence, run.batch);
  const size = { batch: run.batch, sequence };
  data.check(model, size);
  const input = inputOf(model);
  const prompt = data.corpus && input.kind === "text" ? promptOf(run, data.corpus, input.vocab) : [];
  if (run.save) await requireWritable(run.save);

  const gpu = await openGpu(run);
  const options: TrainOptions = {
    model,
    ...size,
    policy: withStorageOptions(run.policy, run),
    seed: run.seed,
    learningRate: run.learningRate,
    weightDecay: run.weightDecay,
    clipNorm: run.clip,
    schedule: { warmupSteps: run.warmup, totalSteps: run.steps, minimumFraction: 0.1 },
    labelSmoothing: input.kind === "images" ? run.labelSmoothing : 0,
  };
  const step = (variants?: Variants) => describeStep({ ...options, variants }, builderOptionsFor(gpu));
  const [variants] = await tunedVariants(gpu, [step], run);
  const session = await TrainingSession.create(gpu, { ...options, variants }, weights);
  const validation = data.validation(size);
  console.log(
    `Training ${model.name} (${model.layers} layers, ${model.width} wide, ${model.heads} heads) on ${data.report.name}, ` +
      `${run.batch} × ${sequence} tokens a step, policy ${run.policy.name}, ${
        bytes(session.plan.livePeakBytes)
      } at the peak`,
  );

  const batches = data.training({ ...size, seed: run.seed });
  const line = input.kind === "images"
    ? new LossLine(run.steps, run.batch, "images")
    : new LossLine(run.steps, run.batch * sequence, "tokens");
  const segment = run.evalEvery || run.steps;
  for (let done = 0; done < run.steps; done += segment) {
    const steps = Math.min(segment, run.steps - done);
    await trainSteps(session, batches, steps, (losses, count) => line.show(done + count, losses.at(-1)!));
    line.end();
    console.log(`After step ${done + steps}: ${describe(await session.evaluate(validation), data.report)}`);
  }

  if (run.save) {
    await writeCheckpoint(run.save, await session.parameters(), model);
    console.log(`Saved ${run.save}`);
  }
  if (run.sampleTokens > 0 && data.corpus) {
    const { temperature, seed, sampleTokens } = run;
    const ids = await session.generate(prompt, sampleTokens, { temperature, seed });
    console.log(
      `\nSample (the first ${prompt.length} tokens were given):\n\n${
        decode([...prompt, ...ids], data.corpus)
      }`,
    );
  }
  gpu.checkHealth();
  session.destroy();
  gpu.destroy();
  return 0;
}

/** The model that was chosen, or what a checkpoint holds. */
async function chooseModel(
  { model, weights, heads }: TrainingRun,
): Promise<{ model: ModelConfig; weights?: Weights }> {
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

/** The text of token ids; the ids themselves where only those are known, or where an id is no byte. */
function decode(ids: number[], corpus: Corpus): string {
  return corpus.decode?.(ids.filter((id) => id < corpus.vocab)) ?? ids.join(" ");
}

function describe({ loss, top1 }: Evaluation, report: DataReport): string {
  const validation = `validation loss ${loss.toFixed(4)}`;
  if (report.kind === "images") return `${validation}, top-1 ${percentage(top1 ?? NaN)}`;
  return `${validation} (unigram entropy ${report.unigramEntropy.toFixed(4)})`;
}

/** The line that follows the loss: rewritten in place on a terminal, else some twenty lines a run. */
class LossLine {
  readonly #terminal = Deno.stdout.isTerminal();
  readonly #started = performance.now();
  #shown = 0;

  constructor(readonly steps: number, readonly perStep: number, readonly unit: string) {}

  show(step: number, loss: number): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = step / seconds;
    if (!this.#terminal && step < this.#shown + this.steps / 20 && step < this.steps) return;
    this.#shown = step;
    const text =
      `step ${step}/${this.steps} · loss ${loss.toFixed(4)} · ${number(rate * this.perStep)} ${this.unit}/s` +
      ` · ${duration((this.steps - step) / rate)} left`;
    Deno.stdout.writeSync(new TextEncoder().encode(this.#terminal ? `\r\x1b[K${text}` : `${text}\n`));
  }

  /** Leaves the line as it stands. */
  end(): void {
    if (this.#terminal) console.log();
  }
}
