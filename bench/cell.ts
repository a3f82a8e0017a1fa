import { RandomBatches, sequentialBatches } from "../src/data/batches.ts";
import { type Corpus, loadCorpus } from "../src/data/corpus.ts";
import { type Gpu, openGpu } from "../src/gpu/device.ts";
import { OutOfMemoryError } from "../src/gpu/errors.ts";
import type { MemoryPlan } from "../src/memory/plan.ts";
import { gpt2Config } from "../src/models/gpt2_config.ts";
import { planTraining } from "../src/train/plan_training.ts";
import { TrainingSession, type TrainOptions } from "../src/train/session.ts";
import { driverBytesInUse } from "./environment.ts";
import { type CellConfiguration, type CellMeasurement, failed } from "./results.ts";
import { trainSteps } from "./training_loop.ts";

/** Batches of the validation split that a validation loss is the mean of, where the split has as many. */
const validationBatches = 8;

/**
 * Runs one cell on this process's adapter: trains for its quality steps and validates, then warms up and times. Memory that the device
 * refuses gives status `oom` with the bytes that were wanted, any other error status `error` with its message.
 */
export async function runCell(
  configuration: CellConfiguration,
  { data, requireGpu }: { data: string; requireGpu: boolean },
): Promise<CellMeasurement> {
  const options = trainOptions(configuration);
  let gpu: Gpu | undefined;
  try {
    const corpus = await loadCorpus({ path: data });
    const driverBefore = await driverBytesInUse();
    const started = performance.now();
    gpu = await openGpu({ requireGpu });
    const session = await TrainingSession.create(gpu, options);
    const setupMilliseconds = performance.now() - started;
    const batches = new RandomBatches(corpus.train, configuration);
    const quality = configuration.qualitySteps
      ? await measureQuality(session, batches, corpus, configuration)
      : null;
    const timing = await time(session, batches, configuration);
    const driverAfter = await driverBytesInUse();
    gpu.checkHealth();
    return {
      status: "ok",
      message: null,
      wantedBytes: null,
      program: {
        dispatchesPerStep: session.dispatchesPerStep,
        kernelVariants: session.kernelVariants,
      },
      memory: {
        ...plannedMemory(session.plan),
        ledgerPeakBytes: gpu.ledger.peakBytes,
        driverBytes: driverBefore === null || driverAfter === null
          ? null
          : Math.max(0, driverAfter - driverBefore),
      },
      timing: { ...timing, setupMilliseconds },
      quality,
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!(error instanceof OutOfMemoryError)) return failed("error", error.message);
    const memory = {
      ...plannedMemory(planTraining(options, gpu?.limits)),
      ledgerPeakBytes: null,
      driverBytes: null,
    };
    return { ...failed("oom", error.message), wantedBytes: error.bytesWanted, memory };
  } finally {
    gpu?.destroy();
  }
}

/** Fixed batches of a corpus's validation split, at most eight. */
export function validationOf(corpus: Corpus, { batch, sequence }: { batch: number; sequence: number }) {
  const most = Math.floor(corpus.validation.length / (batch * sequence));
  return sequentialBatches(corpus.validation, {
    batch,
    sequence,
    count: Math.max(1, Math.min(validationBatches, most)),
  });
}

function trainOptions(configuration: CellConfiguration): TrainOptions {
  return { ...configuration, model: gpt2Config(configuration.model) };
}

function plannedMemory({ savedBytes, livePeakBytes, liveAtPeak, bufferBytes }: MemoryPlan) {
  return { savedBytes, livePeakBytes, liveAtPeak, bufferBytes };
}

async function measureQuality(
  session: TrainingSession,
  batches: RandomBatches,
  corpus: Corpus,
  configuration: CellConfiguration,
) {
  const trainingLosses = await trainSteps(session, batches, configuration.qualitySteps);
  const clippedShare = await session.clippedShare();
  const validation = validationOf(corpus, configuration);
  const validationTokens = validation.length * configuration.batch * configuration.sequence;
  return {
    trainingLosses,
    validationLoss: await session.evaluate(validation),
    validationTokens,
    clippedShare,
  };
}

async function time(
  session: TrainingSession,
  batches: RandomBatches,
  { warmupSteps, timedSteps }: CellConfiguration,
) {
  const take = (count: number) => Array.from({ length: count }, () => batches.next());
  for (const batch of take(warmupSteps)) session.step(batch);
  await session.losses();
  return await session.timedSteps(take(timedSteps));
}
