import { noBytes } from "../src/memory/category.ts";
import {
  type CellConfiguration,
  type CellMeasurement,
  type CellRecord,
  failed,
  schemaVersion,
} from "./results.ts";

/** A configuration for tests: nano, 4 × 128, `exact`, first round. */
export function fakeConfiguration(changes: Partial<CellConfiguration> = {}): CellConfiguration {
  return {
    ...{ model: "nano", sequence: 128, batch: 4, policy: "exact", rounding: "stochastic", ranges: "running" },
    ...{ seed: 1, learningRate: 0.001, weightDecay: 0.1, clipNorm: 1 },
    ...{ warmupSteps: 1, timedSteps: 3, qualitySteps: 30, round: 0 },
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
      ...{ savedBytes: 3 * 2 ** 20, livePeakBytes: 4 * 2 ** 20, liveAtPeak, bufferBytes: 4 * 2 ** 20 },
      ...{ ledgerPeakBytes: 5 * 2 ** 20, driverBytes: null },
    },
    timing: { clock: "gpu", stepMilliseconds: [10, 12, 11], setupMilliseconds: 500 },
    quality: { trainingLosses: [5, 4], validationLoss: 3, validationTokens: 4096, clippedShare: 0 },
    ...changes,
  };
}

/** A record for tests. */
export function fakeRecord(
  configuration: Partial<CellConfiguration> = {},
  measurement: Partial<CellMeasurement> = {},
): CellRecord {
  return {
    ...{ schema: schemaVersion, started: "2026-11-22T01:02:03.000Z", seconds: 2 },
    configuration: fakeConfiguration(configuration),
    architecture: { layers: 2, width: 128, heads: 4, vocab: 256, positions: 1024, layerNormEpsilon: 1e-5 },
    environment: {
      ...{
        adapter: "Imaginary 9000",
        adapterClass: "gpu",
        driver: "Imaginary 1.2",
        deno: "2.9.6",
        os: "linux",
      },
      ...{ cpu: "Abacus", cores: 2, memoryBytes: 2 ** 33, commit: "0123456789abcdef", dirty: true },
    },
    data: {
      name: "some text",
      digest: "cafe",
      trainTokens: 900,
      validationTokens: 100,
      unigramEntropy: 3.25,
    },
    ...fakeMeasurement(measurement),
  };
}
