import { RandomBatches } from "../src/data/batches.ts";
import { checkVocabulary, type Corpus, loadCorpus, requireLength } from "../src/data/corpus.ts";
import { unigramEntropy } from "../src/data/entropy.ts";
import { UserError } from "../src/errors.ts";
import { openGpu } from "../src/gpu/device.ts";
import { requireWritable } from "../src/io/files.ts";
import { readGpt2Checkpoint, writeGpt2Checkpoint } from "../src/io/gpt2_checkpoint.ts";
import { checkGpt2, gpt2Config } from "../src/models/gpt2_config.ts";
import { TrainingSession } from "../src/train/session.ts";
import { validationOf } from "./cell.ts";
import { bytes, duration, number } from "./format.ts";
import { usualSequence } from "./profiles.ts";
import { ensureAdapterEnvironment } from "./start.ts";
import { trainSteps } from "./training_loop.ts";

/** What `train` is asked for; see its options for what each means. */
export interface TrainingRun {
  model?: string;
  sequence?: number;
  batch: number;
  policy: string;
  rounding?: "stochastic" | "nearest";
  ranges?: "running" | "current";
  steps: number;
  seed: number;
  data?: string;
  learningRate: number;
  weightDecay: number;
  clip: number;
  warmup: number;
  evalEvery: number;
  weights?: string;
  heads?: number;
  save?: string;
  sampleTokens: number;
  temperature: number;
  prompt?: string;
  requireGpu: boolean;
}

/** Trains a model on a text, shows how it goes, and what it writes in the end. Returns the exit code. */
export async function runTraining(run: TrainingRun): Promise<number> {
  await ensureAdapterEnvironment(run);
  const { model, weights } = await chooseModel(run);
  const sequence = run.sequence ?? Math.min(usualSequence(model.name), model.positions);
  checkGpt2(model, sequence);
  const corpus = await loadCorpus({ path: run.data });
  checkVocabulary(corpus, model.vocab);
  requireLength(corpus, sequence);
  const prompt = promptOf(run, corpus, model.vocab);
  if (run.save) await requireWritable(run.save);

  const size = { batch: run.batch, sequence };
  const gpu = await openGpu(run);
  const session = await TrainingSession.create(gpu, {
    ...{ model, ...size, policy: run.policy, rounding: run.rounding, ranges: run.ranges, seed: run.seed },
    ...{ learningRate: run.learningRate, weightDecay: run.weightDecay, clipNorm: run.clip },
    schedule: { warmupSteps: run.warmup, totalSteps: run.steps, minimumFraction: 0.1 },
  }, weights);
  const validation = validationOf(corpus, size);
  console.log(
    `Training ${model.name} (${model.layers} layers, ${model.width} wide, ${model.heads} heads) on ${corpus.name}, ` +
      `${run.batch} × ${sequence} tokens a step, policy ${run.policy}, ${
        bytes(session.plan.livePeakBytes)
      } at the peak`,
  );

  const batches = new RandomBatches(corpus.train, { ...size, seed: run.seed });
  const line = new LossLine(run.steps, run.batch * sequence);
  const segment = run.evalEvery || run.steps;
  for (let done = 0; done < run.steps; done += segment) {
    const steps = Math.min(segment, run.steps - done);
    await trainSteps(session, batches, steps, (losses, count) => line.show(done + count, losses.at(-1)!));
    line.end();
    console.log(describeLoss(done + steps, await session.evaluate(validation), corpus));
  }

  if (run.save) {
    await writeGpt2Checkpoint(run.save, await session.parameters(), model);
    console.log(`Saved ${run.save}`);
  }
  if (run.sampleTokens > 0) {
    const { temperature, seed, sampleTokens } = run;
    const ids = await session.generate(prompt, sampleTokens, { temperature, seed });
    console.log(
      `\nSample (the first ${prompt.length} tokens were given):\n\n${decode([...prompt, ...ids], corpus)}`,
    );
  }
  gpu.checkHealth();
  session.destroy();
  gpu.destroy();
  return 0;
}

/** The preset, or what a checkpoint holds. */
async function chooseModel({ model, weights, heads }: TrainingRun) {
  if (!weights) {
    if (heads) throw new UserError("--heads belongs to --weights: a preset has its own");
    return { model: gpt2Config(model ?? "nano") };
  }
  if (model) throw new UserError(`Leave out --model: ${weights} tells the model`);
  const checkpoint = await readGpt2Checkpoint(weights, { heads });
  return { model: { name: weights.split("/").at(-1)!, ...checkpoint.config }, weights: checkpoint.weights };
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

function describeLoss(step: number, loss: number, corpus: Corpus): string {
  const bitsPerByte = corpus.decode ? `, ${(loss / Math.LN2).toFixed(3)} bits a byte` : "";
  const unigram = unigramEntropy(corpus.validation, corpus.vocab).toFixed(4);
  return `After step ${step}: validation loss ${loss.toFixed(4)}${bitsPerByte} (unigram entropy ${unigram})`;
}

/** The line that follows the loss: rewritten in place on a terminal, else some twenty lines a run. */
class LossLine {
  readonly #terminal = Deno.stdout.isTerminal();
  readonly #started = performance.now();
  #shown = 0;

  constructor(readonly steps: number, readonly tokensPerStep: number) {}

  show(step: number, loss: number): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = step / seconds;
    if (!this.#terminal && step < this.#shown + this.steps / 20 && step < this.steps) return;
    this.#shown = step;
    const text =
      `step ${step}/${this.steps} · loss ${loss.toFixed(4)} · ${number(rate * this.tokensPerStep)} tokens/s` +
      ` · ${duration((this.steps - step) / rate)} left`;
    Deno.stdout.writeSync(new TextEncoder().encode(this.#terminal ? `\r\x1b[K${text}` : `${text}\n`));
  }

  /** Leaves the line as it stands. */
  end(): void {
    if (this.#terminal) console.log();
  }
}
