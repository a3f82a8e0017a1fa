import { noBytes } from "../../src/memory/category.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { operatorNames } from "../../src/train/gradient_error.ts";
import {
  type CellConfiguration,
  type CellMeasurement,
  type CellRecord,
  failed,
  type GradientErrors,
  schemaVersion,
} from "./results.ts";
import type { SweepHeader } from "./run_header.ts";

/** A configuration for tests: nano, 4 × 128, `exact` (a policy named otherwise gets its preset's document), first round. */
export function fakeConfiguration(changes: Partial<CellConfiguration> = {}): CellConfiguration {
  const policy = changes.policy ?? "exact";
  return {
    model: "nano",
    sequence: 128,
    batch: 4,
    policy,
    storage: changes.storage ?? policyDocument(policy),
    seed: 1,
    learningRate: 0.001,
    weightDecay: 0.1,
    clipNorm: 1,
    labelSmoothing: 0,
    schedule: null,
    warmupSteps: 1,
    timedSteps: 3,
    qualitySteps: 30,
    gradientEvery: 0,
    round: 0,
    ...changes,
  };
}

/** A measurement for tests, of a cell that went well and took 10, 11 and 12 ms a step. */
export function fakeMeasurement(changes: Partial<CellMeasurement> = {}): CellMeasurement {
  const liveAtPeak = { ...noBytes(), parameters: 2 ** 20, saved: 3 * 2 ** 20 };
  return {
    ...failed("ok", ""),
    message: null,
    program: { dispatchesPerStep: 100, kernelVariants: { product: "direct" } },
    memory: {
      savedBytes: 3 * 2 ** 20,
      livePeakBytes: 4 * 2 ** 20,
      liveAtPeak,
      bufferBytes: 4 * 2 ** 20,
      ledgerPeakBytes: 5 * 2 ** 20,
      driverBytes: null,
    },
    timing: { clock: "gpu", stepMilliseconds: [10, 12, 11], setupMilliseconds: 500 },
    quality: fakeQuality(3),
    ...changes,
  };
}

/** What a training run of a text left, for tests. */
export function fakeQuality(
  validationLoss: number | null,
  changes: Partial<NonNullable<CellMeasurement["quality"]>> = {},
): NonNullable<CellMeasurement["quality"]> {
  return {
    trainingLosses: [5, 4],
    validationLoss,
    validationTop1: null,
    validationTargets: 4096,
    gradientErrors: [],
    clippedShare: 0,
    ...changes,
  };
}

/** Gradient errors for tests: the same overall and for every operator but those given. */
export function fakeErrors(
  step: number,
  relativeError: number,
  operators: Record<string, number> = {},
): GradientErrors {
  const error = (relativeError: number) => ({ relativeError, cosine: 1 - relativeError ** 2 / 2 });
  return {
    step,
    overall: error(relativeError),
    operators: Object.fromEntries(
      operatorNames.map((name) => [name, error(operators[name] ?? relativeError)]),
    ),
  };
}

/** A record for tests, of a text. */
export function fakeRecord(
  configuration: Partial<CellConfiguration> = {},
  measurement: Partial<CellMeasurement> = {},
): CellRecord {
  return {
    schema: schemaVersion,
    started: "2026-11-22T01:02:03.000Z",
    seconds: 2,
    configuration: fakeConfiguration(configuration),
    architecture: {
      modelType: "gpt2",
      layers: 2,
      width: 128,
      heads: 4,
      vocab: 256,
      positions: 1024,
      layerNormEpsilon: 1e-5,
    },
    environment: {
      adapter: "Imaginary 9000",
      adapterClass: "gpu",
      driver: "Imaginary 1.2",
      deno: "2.9.6",
      os: "linux",
      cpu: "Abacus",
      cores: 2,
      memoryBytes: 2 ** 33,
      commit: "0123456789abcdef",
      dirty: true,
    },
    data: {
      kind: "text",
      name: "some text",
      digest: "cafe",
      trainTokens: 900,
      validationTokens: 100,
      unigramEntropy: 3.25,
    },
    ...fakeMeasurement(measurement),
  };
}

/** A record for tests, of generated images: `vit-nano`, 4 × 65. */
export function fakeImageRecord(
  configuration: Partial<CellConfiguration> = {},
  measurement: Partial<CellMeasurement> = {},
): CellRecord {
  const recipe = { labelSmoothing: 0.1, schedule: { warmupSteps: 3, totalSteps: 30, minimumFraction: 0.01 } };
  return {
    ...fakeRecord(
      { model: "vit-nano", sequence: 65, weightDecay: 0.05, ...recipe, ...configuration },
      measurement,
    ),
    architecture: {
      modelType: "vit",
      layers: 2,
      width: 128,
      heads: 4,
      layerNormEpsilon: 1e-6,
      image: 32,
      patch: 4,
      classes: 10,
    },
    data: {
      kind: "images",
      name: "shapes",
      digest: "beef",
      classes: 10,
      generated: true,
      trainImages: 2000,
      heldOutImages: 500,
    },
  };
}

/** The header of a sweep that planned these records' processes, for tests. */
export function fakeHeader(records: readonly CellRecord[], changes: Partial<SweepHeader> = {}): SweepHeader {
  const { environment, data } = records[0] ?? fakeRecord();
  return {
    schema: schemaVersion,
    command: "deno task bench --model nano",
    started: "2026-11-22T01:02:03.000Z",
    environment,
    sources: "fedcba9876543210",
    kind: "sweep",
    data: [data],
    paths: {},
    requireGpu: false,
    growing: false,
    memory: null,
    cells: records.map(({ configuration }) => configuration),
    ...changes,
  };
}
