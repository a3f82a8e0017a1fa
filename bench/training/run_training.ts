import { locateImages, locateText } from "../../src/data/named_data.ts";
import { UserError } from "../../src/errors.ts";
import { builderOptionsFor, type Variants } from "../../src/gpu/builder.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { refuseBeyondRoom } from "../../src/gpu/room.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import { tunedVariants } from "../../src/tuning/tuned_variants.ts";
import { Interruption } from "../machine/interruption.ts";
import { withRoom } from "../machine/room.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { requireRanks, runOnRanks } from "../processes/on_ranks.ts";
import { adapterFlags } from "../processes/process.ts";
import { builtInText } from "./data.ts";
import { type PreparedRun, prepareRun } from "./prepare_run.ts";
import { passOn, tellerOf } from "./teller.ts";
import type { RankRun } from "./train_as_rank.ts";
import { trainRun } from "./train_run.ts";
import type { TrainingRun } from "./training_run.ts";

/**
 * Trains a model, here or on ranks. Asked to end by a signal, it ends after the steps that are under way, and saves. Returns the exit code.
 * Throws a UserError for what cannot be trained, before anything is, and for what stops a run.
 */
export async function runTraining(run: TrainingRun): Promise<number> {
  const { ranks = stepDefaults.ranks } = run;
  const prepared = await prepareRun(run);
  await ensureAdapterEnvironment(run);
  const gpu = await withRoom(await openGpu(run));
  const step = (variants?: Variants) =>
    describeStep({ ...prepared.options, variants }, builderOptionsFor(gpu));
  refuseBeyondRoom(step().plan, gpu);
  await requireRanks([run]);
  const [variants] = await tunedVariants(gpu, [step], run); // takes time: all that is refused was before
  const interruption = new Interruption();
  try {
    if (ranks > 1) {
      gpu.destroy(); // each has one of its own
      await trainOnRanks(ranks, prepared, variants, interruption.signal);
    } else {
      await trainRun(prepared, gpu, { variants, teller: tellerOf(run), signal: interruption.signal });
      gpu.destroy();
    }
  } finally {
    interruption.stop();
  }
  return interruption.code ?? 0;
}

/** Has ranks train, and passes on what the first of them tells. Throws a UserError with what ended them early. */
async function trainOnRanks(
  count: number,
  { run, data }: PreparedRun,
  variants: Variants,
  signal: AbortSignal,
): Promise<void> {
  const teller = tellerOf(run);
  const located = { data: await locateText(run.data), images: await locateImages(run.images) };
  const job: RankRun = {
    run: { ...run, ...located },
    variants,
    isTerminal: teller.isTerminal,
    ...located.data === undefined && { text: builtInText([data]) },
  };
  const { code, complaint } = await runOnRanks(count, "train", job, {
    flags: [
      "--allow-read",
      ...run.save ? ["--allow-write"] : [],
      ...adapterFlags({ askDriver: true }),
    ],
    detached: true, // Ctrl-C asks this process, which asks them
    read({ stdin, stdout }) {
      const ask = () => void askForEnd(stdin);
      if (signal.aborted) ask();
      signal.addEventListener("abort", ask);
      return passOn(stdout, teller);
    },
  });
  if (code === 0) return;
  throw new UserError(
    signal.aborted ? `The ranks were ended before they could save: ${complaint}` : complaint,
  );
}

/** Asks the first rank to end. */
async function askForEnd(stdin: WritableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode("\n")).catch(() => {}); // it is gone
  writer.releaseLock();
}
