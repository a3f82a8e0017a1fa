import { type Batch, ignored } from "../../src/data/batches.ts";
import { Random } from "../../src/data/random.ts";
import { builderOptionsFor } from "../../src/gpu/builder.ts";
import { alone, anyOf, toldBy } from "../../src/ranks/ranks.ts";
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { type StepBatches, TrainingSession } from "../../src/train/session.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { loadData, type TrainingData } from "../training/data.ts";
import { cardId, readCard } from "../machine/card.ts";
import { driverBytesInUse, settledDriverBytes } from "../machine/card_memory.ts";
import { withRoom } from "../machine/room.ts";
import { GradientComparison } from "./gradient_comparison.ts";
import {
  type CellConfiguration,
  type CellMeasurement,
  type ChildAnswer,
  failed,
  type GradientErrors,
  modelOf,
  plannedMemory,
} from "../results/results.ts";
import type { Job } from "./job.ts";
import { pieceSizes } from "./piece_sizes.ts";
import { notRun, planStep } from "./planned_step.ts";
import { hasRisen } from "./steady_clock.ts";
import { timeReference } from "../training/reference.ts";
import { timeSteps } from "../training/timed_steps.ts";
import { inMicroBatches, trainSteps } from "../training/training_loop.ts";

/**
 * Runs one cell on this process's adapter: trains for its quality steps and validates, then warms up and times. Memory that the device
 * refuses gives status `oom` with the bytes that were wanted, a loss or gradient that is no number `diverged`, any other error status `error` with its
 * message. With `stepsPerTurn` it waits for its `turn` before it times anything. Ranks each run it; where one fails, the others wait for it.
 */
export async function runCell(
  { configuration, paths, text, requireGpu, stepsPerTurn }: Job,
  turn = () => Promise.resolve(),
  ranks = alone,
): Promise<ChildAnswer> {
  let data: TrainingData | undefined;
  let gpu: Gpu | undefined;
  const answer = (measurement: CellMeasurement): ChildAnswer => ({
    measurement,
    data: data?.report ?? null,
    adapter: gpu ? { adapter: gpu.adapter.name, driver: gpu.adapter.driver, runtime: gpu.runtime } : null,
  });
  let options: TrainOptions | undefined;
  try {
    data = await loadData(modelOf(configuration), { ...paths, text });
    options = trainOptions(configuration, data);
    const driverBefore = await settledDriverBytes();
    const started = performance.now();
    gpu = await withRoom(await openGpu({ requireGpu }, ranks));
    const session = await TrainingSession.create(gpu, options);
    const setupMilliseconds = performance.now() - started;
    const batches = inMicroBatches(data.training(configuration), configuration);
    const quality = configuration.qualitySteps
      ? await measureQuality(session, batches, data, configuration)
      : null;
    const { name } = gpu.adapter;
    const { exchanges, ...timing } = await timeSteps(session, batches, configuration, {
      agree: (own) => anyOf(ranks, own),
      readCard: () => readCard(name),
      ...stepsPerTurn !== undefined && { turns: { steps: stepsPerTurn, next: turn } },
    });
    // Timed steps prove nothing without: the loss of their forward, and the gradients of their backward.
    const lastLosses = await session.losses();
    const lastNorms = await session.gradientNorms();
    const overflowShare = await session.overflowShare();
    const driverAfter = await driverBytesInUse();
    gpu.checkHealth();
    const divergence = divergenceOf(quality, lastLosses, lastNorms);
    const ledgerPeakBytes = gpu.ledger.peakBytes;
    const { bufferBytes } = session.plan;
    const own = async () => ({
      ...{ host: Deno.hostname(), adapter: name, card: await cardId(name), bufferBytes, ledgerPeakBytes },
    });
    session.destroy(); // the reference has memory of its own, in place of the session's, and is not counted
    if (stepsPerTurn !== undefined) await turn();
    const reference = await timeReference(gpu, { hasRisen: async () => hasRisen(await readCard(name)) });
    return answer({
      status: divergence === null ? "ok" : "diverged",
      message: divergence,
      wantedBytes: null,
      program: {
        dispatchesPerStep: session.dispatchesPerStep,
        kernelVariants: session.kernelVariants,
        variants: session.variants,
        pieces: pieceSizes({ ...configuration, model: options.model }, configuration.storage, gpu.limits),
      },
      memory: {
        ...plannedMemory(session.plan),
        // A comparison of gradients has memory of its own, which is no part of training.
        ledgerPeakBytes: configuration.gradientEvery > 0 ? null : ledgerPeakBytes,
        driverBytes: driverBefore === null || driverAfter === null || configuration.gradientEvery > 0
          ? null
          : Math.max(0, driverAfter - driverBefore),
      },
      timing: { ...timing, setupMilliseconds, ...reference && { reference } },
      quality,
      ...overflowShare !== undefined && { overflowShare },
      ...exchanges && { ranks: toldBy(ranks, { ...await own(), exchanges }) },
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!(error instanceof OutOfMemoryError) || !options || !gpu) {
      return answer(failed("error", error.message));
    }
    const { memory } = planStep(options, builderOptionsFor(gpu));
    return answer(notRun("oom", error.message, { wantedBytes: error.bytesWanted, memory }));
  } finally {
    gpu?.destroy();
  }
}

/** From where on the losses or gradients of a process are no numbers; null if all are. */
function divergenceOf(
  quality: Quality | null,
  timedLosses: readonly number[],
  norms: readonly number[],
): string | null {
  const step = quality?.trainingLosses.findIndex((loss) => !isNumber(loss)) ?? -1;
  if (step >= 0) return `The loss is no number from step ${step + 1} on`;
  if (quality && !isNumber(quality.validationLoss)) return "The validation loss is no number";
  if (!timedLosses.every(isNumber)) return "The loss of a timed step is no number";
  return norms.every(isNumber) ? null : "The gradient of a step is no number";
}

const isNumber = (loss: number | null) => loss !== null && Number.isFinite(loss);

type Quality = NonNullable<CellMeasurement["quality"]>;

/** What a session is told of a cell. */
export function trainOptions(
  configuration: CellConfiguration,
  data: Pick<TrainingData, "fit">,
): TrainOptions {
  const { storage, schedule, modelDocument: _, ...rest } = configuration;
  const model = data.fit(modelOf(configuration));
  return { ...rest, model, policy: storage, ...schedule && { schedule } };
}

async function measureQuality(
  session: TrainingSession,
  batches: { next(): StepBatches },
  data: TrainingData,
  configuration: CellConfiguration,
) {
  const { gradientEvery, qualitySteps } = configuration;
  const { ranks } = session.gpu;
  const gradientErrors: GradientErrors[] = [];
  const trainingLosses = gradientEvery > 0
    ? await compared(session, batches, otherBatches(data, configuration), configuration, gradientErrors)
    : await trainSteps(session, batches, qualitySteps, { ranks });
  const clippedShare = await session.clippedShare();
  const { batch, sequence, reinvested } = configuration;
  const validation = data.validation({ batch, sequence, reference: reinvested?.batch });
  const { loss, top1 } = await session.evaluate(validation);
  return {
    trainingLosses,
    validationLoss: loss,
    validationTop1: top1,
    validationTargets: validation.reduce((sum, batch) => sum + targetsOf(batch), 0),
    gradientErrors,
    clippedShare,
  };
}

/** What a batch has to be told: the tokens that count, or its images. */
const targetsOf = (batch: Batch) =>
  "images" in batch ? batch.labels.length : batch.targets.filter((target) => target !== ignored).length;

/** The same data in another order, for gradients that nothing is learnt from. */
function otherBatches(data: TrainingData, configuration: CellConfiguration) {
  const seed = Random.for(configuration.seed, "other batches").uint32();
  return inMicroBatches(data.training({ ...configuration, seed }), configuration);
}

/** What compares a session's gradients; null where the device of a rank has no memory for `exact` beside what trains. */
async function comparisonBeside(session: TrainingSession): Promise<GradientComparison | null> {
  const own = await GradientComparison.create(session).catch((error) => {
    if (error instanceof OutOfMemoryError) return null;
    throw error;
  });
  if (!anyOf(session.gpu.ranks, own === null)) return own;
  own?.destroy();
  return null;
}

/**
 * Trains, and compares every so many steps the step's gradient with the exact one, where that fits beside it. Returns all losses.
 */
async function compared(
  session: TrainingSession,
  batches: { next(): StepBatches },
  others: { next(): StepBatches },
  { gradientEvery, qualitySteps }: CellConfiguration,
  errors: GradientErrors[],
): Promise<number[]> {
  const { ranks } = session.gpu;
  const comparison = await comparisonBeside(session);
  if (!comparison) return await trainSteps(session, batches, qualitySteps, { ranks });
  try {
    const losses: number[] = [];
    while (losses.length < qualitySteps) {
      const alone = Math.min(gradientEvery - 1, qualitySteps - losses.length);
      losses.push(...await trainSteps(session, batches, alone, { ranks }));
      if (losses.length === qualitySteps) break;
      const { loss, error } = await comparison.step(batches.next(), others.next());
      losses.push(loss);
      errors.push({ step: losses.length, ...error });
    }
    return losses;
  } finally {
    comparison.destroy();
  }
}
