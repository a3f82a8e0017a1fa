import { z } from "zod";
import type { Corpus } from "../../src/data/corpus.ts";
import type { Variants } from "../../src/gpu/builder.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { writeCheckpoint } from "../../src/models/checkpoint.ts";
import { inputOf } from "../../src/models/model_config.ts";
import { anyOf } from "../../src/ranks/ranks.ts";
import { bytes, duration, percentage, rarePercentage, withControlsShown } from "../../src/text/format.ts";
import { TrainingSession } from "../../src/train/session.ts";
import type { Evaluation } from "../../src/train/evaluate.ts";
import { idleRulesNote } from "../../src/storage/policy_document.ts";
import { describeChoices, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import { CommonError } from "../processes/as_rank.ts";
import type { DataReport } from "../results/results.ts";
import { LossLine } from "./loss_line.ts";
import { Pace } from "./pace.ts";
import type { PreparedRun } from "./prepare_run.ts";
import type { Teller } from "./teller.ts";
import { inMicroBatches, trainSteps } from "./training_loop.ts";
import type { evaluation, trained } from "./training_run.ts";

/** How a run is carried out. */
interface Means {
  readonly variants?: Variants;
  readonly teller: Teller;
  /** Asks for an end, after the steps that are under way. */
  readonly signal: AbortSignal;
}

/**
 * Trains a model, tells how it goes, and, of a text, what it writes in the end. Ranks each do it, but the first alone saves and writes. Throws a
 * UserError for a run that diverges, which saves nothing.
 */
export async function trainRun(
  { run, options, weights, data, prompt, sampleTokens, temperature }: PreparedRun,
  gpu: Gpu,
  { variants, teller, signal }: Means,
): Promise<void> {
  const { ranks } = gpu;
  const { model, batch, sequence } = options;
  const size = { batch, sequence };
  const input = inputOf(model);
  const session = await TrainingSession.create(gpu, { ...options, variants }, weights);
  const validation = data.validation(size);
  const parts = run.accumulate ?? stepDefaults.accumulate;
  teller.say(
    `Training ${model.name} (${model.layers} layers, ${model.width} wide, ${model.heads} heads) on ${data.report.name}, ` +
      `${batch} × ${sequence} tokens ${
        parts > 1 ? `in each of ${parts} micro-batches of ` : ""
      }a step, policy ${[run.policy.name, ...describeChoices({ ...run, accumulate: 1 })].join(", ")}, ${
        bytes(session.plan.livePeakBytes)
      } at the peak${ranks.size > 1 ? " of the first" : ""}`,
  );
  for (const note of idleRulesNote(run.policy.name, session.idleRules)) teller.say(note);

  const batches = inMicroBatches(data.training({ ...size, seed: run.seed }), run);
  const line = input.kind === "images"
    ? new LossLine(run.steps, parts * batch, "images", teller)
    : new LossLine(run.steps, parts * batch * sequence, "tokens", teller);
  const all: number[] = [];
  const evaluations: z.infer<typeof evaluation>[] = [];
  const pace = new Pace();
  const halted = () => anyOf(ranks, signal.aborted);
  while (all.length < run.steps && !halted()) {
    const before = all.length;
    const segment = Math.min(run.evalEvery || run.steps, run.steps - before);
    pace.begin();
    const onLosses = (losses: number[], count: number) => {
      pace.mark();
      refuseDiverged(losses, before + count - losses.length, () => line.end());
      line.show(before + count, losses.at(-1)!);
    };
    all.push(...await trainSteps(session, batches, segment, { onLosses, halted, ranks }));
    line.end();
    if (halted()) break;
    const found = await session.evaluate(validation);
    teller.say(`After step ${all.length}: ${describe(found, data.report)}`);
    refuseDiverged([found.loss], all.length);
    evaluations.push({ step: all.length, ...found });
  }

  const { seconds, longestPause, processorSeconds } = pace.told;
  teller.say(
    `Trained for ${duration(seconds)}, with ${duration(processorSeconds)} of processor time; ` +
      `the longest wait for losses was ${longestPause.toFixed(2)} s`,
  );
  const overflowShare = await session.overflowShare();
  if (overflowShare !== undefined) {
    teller.say(
      `Of what products read, ${rarePercentage(overflowShare)} was too large for halves, and clipped`,
    );
  }
  const stopped = halted();
  const first = ranks.rank === 0;
  if (stopped) {
    teller.say(`Stopped after step ${all.length} of ${run.steps}${run.save ? "" : "; nothing is saved"}`);
  }
  if (run.save && first) {
    await writeCheckpoint(run.save, session.unreadParameters(), model);
    teller.say(`Saved ${run.save}`);
  }
  let sample: string | null = null;
  if (!stopped && sampleTokens > 0 && data.corpus && first) {
    const ids = await session.generate(prompt, sampleTokens, { temperature, seed: run.seed, signal });
    sample = decode([...prompt, ...ids], data.corpus);
    teller.say(`\nSample (the first ${prompt.length} tokens were given):\n\n${withControlsShown(sample)}`);
  }
  if (run.json) {
    const { name, ...architecture } = model;
    teller.print(
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
        ...overflowShare !== undefined && { overflowShare },
        pace: pace.told,
        saved: run.save ?? null,
        sample,
      } satisfies z.infer<typeof trained>,
    );
  }
  gpu.checkHealth();
  session.destroy();
}

/** Throws a UserError if one of the losses after step `before` is no number. */
function refuseDiverged(losses: readonly number[], before: number, first = () => {}): void {
  const index = losses.findIndex((loss) => !Number.isFinite(loss));
  if (index < 0) return;
  first();
  throw new CommonError(
    `The loss is ${losses[index]} from step ${
      before + index + 1
    } on: training has diverged, and nothing is saved; ` +
      "take a smaller --learning-rate or --weight-decay, or a longer --warmup",
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
