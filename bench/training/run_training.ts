import { z } from "zod";
import type { Corpus } from "../../src/data/corpus.ts";
import { UserError } from "../../src/errors.ts";
import { type Runtime, runtimes } from "../../src/adapter/runtime.ts";
import { builderOptionsFor, type Variants } from "../../src/gpu/builder.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { refuseBeyondRoom } from "../../src/gpu/room.ts";
import { withRoom } from "../machine/room.ts";
import {
  readCheckpoint,
  requireCheckpointWritable,
  type WeightSource,
  writeCheckpoint,
} from "../../src/models/checkpoint.ts";
import {
  checkModel,
  inputOf,
  type ModelConfig,
  modelConfig,
  usualSequence,
} from "../../src/models/model_config.ts";
import { architectureSchema } from "../../src/models/model_document.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { type Evaluation, TrainingSession, type TrainOptions } from "../../src/train/session.ts";
import { describeChoices, type StepChoices, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import { tunedVariants } from "../../src/tuning/tuned_variants.ts";
import { loadData, refuseIdle } from "./data.ts";
import { bytes, duration, number, percentage } from "../../src/text/format.ts";
import { printJson } from "../../src/text/print_json.ts";
import { withStorageOptions } from "../options/options.ts";
import { refuseUnused } from "../options/unused.ts";
import { choiceFields, type DataReport, dataReport } from "../results/results.ts";
import { Interruption } from "../machine/interruption.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { Pace, paceTold } from "./pace.ts";
import { inMicroBatches, trainSteps } from "./training_loop.ts";

/** What `train` is asked for; see its options for what each means. */
export interface TrainingRun extends StepChoices {
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
  labelSmoothing?: number;
  warmup: number;
  evalEvery: number;
  weights?: string;
  heads?: number;
  save?: string;
  sampleTokens?: number;
  temperature?: number;
  prompt?: string;
  variants?: string;
  noTune: boolean;
  requireGpu: boolean;
  runtime?: Runtime;
  /** Print what became of it as JSON; the line of the loss and all else on stderr. */
  json?: boolean;
}

const evaluation = z.object({
  step: z.int().positive().describe("after which it was made"),
  loss: z.number().describe("nats per target"),
  top1: z.number().nullable().describe("share of held-out images told right; null for texts"),
});

/** What `train --json` prints. */
export const trained = z.object({
  model: z.string(),
  architecture: architectureSchema,
  policy: z.string(),
  sequence: z.int().positive(),
  batch: z.int().positive(),
  seed: z.int().nonnegative(),
  data: dataReport,
  adapter: z.string(),
  runtime: z.enum(runtimes),
  ...choiceFields,
  arithmetic: choiceFields.arithmetic.unwrap(),
  livePeakBytes: z.int().positive(),
  steps: z.int().positive().describe("that were planned"),
  stopped: z.boolean().describe("by a signal, before the last step"),
  losses: z.array(z.number()).describe("nats per target, one a step taken"),
  evaluations: z.array(evaluation),
  pace: paceTold,
  saved: z.string().nullable(),
  sample: z.string().nullable().describe("what the model writes, after the prompt"),
}).meta({ title: "A training run" });

/** What a run takes where it is not told. */
export const runDefaults = { labelSmoothing: 0.1, sampleTokens: 200, temperature: 0.8 };

/**
 * Trains a model, shows how it goes, and, of a text, what it writes in the end. Asked to end by a signal, it ends after the steps that are
 * under way, and saves. Returns the exit code. Throws a UserError for what cannot be trained, before anything is, and for a run that
 * diverges, which saves nothing.
 */
export async function runTraining(run: TrainingRun): Promise<number> {
  const { sampleTokens, temperature, labelSmoothing } = { ...runDefaults, ...defined(run) };
  if (run.sampleTokens === 0) {
    refuseUnused("--sample-tokens 0", { temperature: run.temperature, prompt: run.prompt }, []);
  }
  const policy = withStorageOptions(run.policy, run);
  const chosen = await chooseModel(run);
  refuseIdle([chosen.model], { ...run, sequences: run.sequence === undefined ? [] : [run.sequence] });
  const usual = run.sequence ?? usualSequence(chosen.model);
  checkModel(chosen.model, usual, run.batch);
  if (run.noTune && run.variants !== undefined) refuseUnused("--variants", { noTune: true }, []);
  if (run.save) await requireCheckpointWritable(run.save, chosen.model);
  const data = await loadData(chosen.model, run);
  const { weights } = chosen;
  const model = weights ? chosen.model : data.fit(chosen.model);
  const sequence = run.sequence ?? usualSequence(model);
  const size = { batch: run.batch, sequence };
  data.check(model, size);
  const input = inputOf(model);
  const prompt = data.corpus && input.kind === "text" ? promptOf(run, data.corpus, input.vocab) : [];

  await ensureAdapterEnvironment(run);
  const gpu = await withRoom(await openGpu(run));
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
  const step = (variants?: Variants) => describeStep({ ...options, variants }, builderOptionsFor(gpu));
  refuseBeyondRoom(step().plan, gpu); // before anything is tuned
  const [variants] = await tunedVariants(gpu, [step], run);
  const session = await TrainingSession.create(gpu, { ...options, variants }, weights);
  const validation = data.validation(size);
  const interruption = new Interruption();
  const out = run.json ? Deno.stderr : Deno.stdout;
  const parts = run.accumulate ?? stepDefaults.accumulate;
  const say = run.json ? console.error : console.log;
  say(
    `Training ${model.name} (${model.layers} layers, ${model.width} wide, ${model.heads} heads) on ${data.report.name}, ` +
      `${run.batch} × ${sequence} tokens ${
        parts > 1 ? `in each of ${parts} micro-batches of ` : ""
      }a step, policy ${[run.policy.name, ...describeChoices({ ...run, accumulate: 1 })].join(", ")}, ${
        bytes(session.plan.livePeakBytes)
      } at the peak`,
  );

  const batches = inMicroBatches(data.training({ ...size, seed: run.seed }), run);
  const line = input.kind === "images"
    ? new LossLine(run.steps, parts * run.batch, "images", out)
    : new LossLine(run.steps, parts * run.batch * sequence, "tokens", out);
  const all: number[] = [];
  const evaluations: z.infer<typeof evaluation>[] = [];
  const pace = new Pace();
  try {
    while (all.length < run.steps && !interruption.signal.aborted) {
      const before = all.length;
      const segment = Math.min(run.evalEvery || run.steps, run.steps - before);
      pace.begin();
      const onLosses = (losses: number[], count: number) => {
        pace.mark();
        refuseDiverged(losses, before + count - losses.length, () => line.end());
        line.show(before + count, losses.at(-1)!);
      };
      const halted = () => interruption.signal.aborted;
      all.push(...await trainSteps(session, batches, segment, { onLosses, halted }));
      line.end();
      if (interruption.signal.aborted) break;
      const found = await session.evaluate(validation);
      say(`After step ${all.length}: ${describe(found, data.report)}`);
      refuseDiverged([found.loss], all.length);
      evaluations.push({ step: all.length, ...found });
    }
  } finally {
    interruption.stop();
  }

  const { seconds, longestPause, processorSeconds } = pace.told;
  say(
    `Trained for ${duration(seconds)}, ${duration(processorSeconds)} of them by the processor; ` +
      `the longest wait for losses was ${longestPause.toFixed(2)} s`,
  );
  const stopped = interruption.signal.aborted;
  if (stopped) {
    say(`Stopped after step ${all.length} of ${run.steps}${run.save ? "" : "; nothing is saved"}`);
  }
  if (run.save) {
    await writeCheckpoint(run.save, await session.parameters(), model);
    say(`Saved ${run.save}`);
  }
  let sample: string | null = null;
  if (!stopped && sampleTokens > 0 && data.corpus) {
    const ids = await session.generate(prompt, sampleTokens, { temperature, seed: run.seed });
    sample = decode([...prompt, ...ids], data.corpus);
    say(`\nSample (the first ${prompt.length} tokens were given):\n\n${sample}`);
  }
  if (run.json) {
    const { name, ...architecture } = model;
    printJson(
      {
        model: name,
        architecture,
        policy: run.policy.name,
        ...size,
        seed: run.seed,
        data: data.report,
        adapter: gpu.adapter.name,
        runtime: gpu.runtime,
        ...unusual(run),
        arithmetic: run.arithmetic ?? stepDefaults.arithmetic,
        livePeakBytes: session.plan.livePeakBytes,
        steps: run.steps,
        stopped,
        losses: all,
        evaluations,
        pace: pace.told,
        saved: run.save ?? null,
        sample,
      } satisfies z.infer<typeof trained>,
    );
  }
  gpu.checkHealth();
  session.destroy();
  gpu.destroy();
  return interruption.code ?? 0;
}

/** An object's fields that have a value. */
function defined<T extends object>(given: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const fields = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as { [Key in keyof T]?: NonNullable<T[Key]> };
}

/** Throws a UserError if one of the losses after step `before` is no number. */
function refuseDiverged(losses: readonly number[], before: number, first = () => {}): void {
  const index = losses.findIndex((loss) => !Number.isFinite(loss));
  if (index < 0) return;
  first();
  throw new UserError(
    `The loss is ${losses[index]} from step ${
      before + index + 1
    } on: training has diverged, and nothing is saved; ` +
      "take a smaller --learning-rate or --weight-decay, or a longer --warmup",
  );
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
  readonly #terminal: boolean;
  readonly #started = performance.now();
  #shown = 0;

  constructor(
    readonly steps: number,
    readonly perStep: number,
    readonly unit: string,
    readonly out: typeof Deno.stdout | typeof Deno.stderr,
  ) {
    this.#terminal = out.isTerminal();
  }

  show(step: number, loss: number): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = step / seconds;
    if (!this.#terminal && step < this.#shown + this.steps / 20 && step < this.steps) return;
    this.#shown = step;
    const text =
      `step ${step}/${this.steps} · loss ${loss.toFixed(4)} · ${number(rate * this.perStep)} ${this.unit}/s` +
      ` · ${duration((this.steps - step) / rate)} left`;
    this.out.writeSync(new TextEncoder().encode(this.#terminal ? `\r\x1b[K${text}` : `${text}\n`));
  }

  /** Leaves the line as it stands. */
  end(): void {
    if (this.#terminal) this.out.writeSync(new TextEncoder().encode("\n"));
  }
}
