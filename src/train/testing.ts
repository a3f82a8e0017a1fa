import { testGpu } from "../../kernels/testing.ts";
import { type Batch, RandomBatches } from "../data/batches.ts";
import type { Gpt2Config } from "../models/gpt2_config.ts";
import { TrainingSession, type TrainOptions, type Weights } from "./session.ts";

/** Tests of sessions train models of this one size, so that its kernels are compiled once. */
export const model: Gpt2Config = {
  name: "tiny",
  layers: 1,
  width: 32,
  heads: 2,
  vocab: 16,
  positions: 20,
  layerNormEpsilon: 1e-5,
};
export const size = { batch: 3, sequence: 18 };
export const options: TrainOptions = { model, ...size, policy: "exact", seed: 1, learningRate: 1e-2 };

/** `count` batches of a noisy periodic text, some of whose targets are masked. */
export function someBatches(count: number, seed = 1): Batch[] {
  const text = Uint8Array.from({ length: 500 }, (_, i) => (i * i) % 11 + (i % 7 === 0 ? 5 : 0));
  const source = new RandomBatches(text, { ...size, seed });
  return Array.from({ length: count }, (_, step) => {
    const { inputs, targets } = source.next();
    return { inputs, targets: targets.map((target, i) => (i + step) % 5 === 0 ? -100 : target) };
  });
}

/** Batches of a text that repeats itself after twelve tokens. */
export function periodicBatches(): RandomBatches {
  const text = Uint8Array.from({ length: 200 }, (_, i) => [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8][i % 12]);
  return new RandomBatches(text, { ...size, seed: 1 });
}

/** A session for the length of `work`. */
export async function withSession<T>(
  changes: Partial<TrainOptions>,
  work: (session: TrainingSession) => Promise<T>,
  weights?: Weights,
): Promise<T> {
  const session = await TrainingSession.create(await testGpu(), { ...options, ...changes }, weights);
  try {
    return await work(session);
  } finally {
    session.destroy();
  }
}
