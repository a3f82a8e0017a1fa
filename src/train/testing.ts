import { testGpu } from "../../kernels/testing/testing.ts";
import { type Batch, RandomBatches, type TokenBatch } from "../data/batches.ts";
import type { ImageBatch } from "../data/image_batches.ts";
import { Random } from "../data/random.ts";
import type { Gpt2Config } from "../models/gpt2/config.ts";
import type { LlamaConfig } from "../models/llama/config.ts";
import { type VitConfig, vitTokens } from "../models/vit/config.ts";
import type { Weights, WeightSource } from "../models/checkpoint.ts";
import { TrainingSession } from "./session.ts";
import type { TrainOptions } from "./options.ts";

/** Tests of sessions train models of this one size, so that its kernels are compiled once. */
export const model: Gpt2Config = {
  modelType: "gpt2",
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
export function someBatches(count: number, seed = 1): TokenBatch[] {
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
  weights?: WeightSource,
): Promise<T> {
  const session = await TrainingSession.create(await testGpu(), { ...options, ...changes }, weights);
  try {
    return await work(session);
  } finally {
    session.destroy();
  }
}

/** Every Llama, whose head is its own where it is not tied. */
export const llama: LlamaConfig = {
  modelType: "llama",
  name: "tiny-llama",
  ...{ layers: 2, width: 32, heads: 4, keyHeads: 2, headSize: 12, hidden: 44, vocab: 16, positions: 20 },
  ...{ tiedHead: false, rotaryBase: 100, rotaryScaling: null, normEpsilon: 1e-5 },
};

/** Likewise every ViT, whose rows, 5 × 5, are no whole vectors of four. */
export const vit: VitConfig = {
  modelType: "vit",
  name: "tiny-vit",
  image: 8,
  patch: 4,
  layers: 1,
  width: 32,
  heads: 2,
  classes: 4,
  layerNormEpsilon: 1e-6,
};
export const vitOptions = { model: vit, batch: 5, sequence: vitTokens(vit), learningRate: 3e-3 };

/** `count` batches of noise, in which a quarter of each image is brighter: its class. */
export function someImages(count: number, seed = 1): ImageBatch[] {
  const random = new Random(seed);
  const { image: side, patch } = vit;
  return Array.from({ length: count }, () => {
    const labels = Int32Array.from({ length: vitOptions.batch }, () => random.below(vit.classes));
    const images = Uint8Array.from({ length: vitOptions.batch * 3 * side ** 2 }, (_, i) => {
      const [row, column] = [Math.floor(i / side) % side, i % side];
      const quarter = 2 * Math.floor(row / patch) + Math.floor(column / patch);
      const bright = quarter === labels[Math.floor(i / (3 * side ** 2))];
      return random.below(100) + (bright ? 100 : 0);
    });
    return { images, labels };
  });
}

/** Losses of a session that takes one step on each batch. */
export function lossesOf(
  changes: Partial<TrainOptions>,
  batches: readonly Batch[],
  weights?: WeightSource,
): Promise<number[]> {
  return withSession(changes, (session) => {
    for (const batch of batches) session.step(batch);
    return session.losses();
  }, weights);
}

/** A GPT-2's weights, to begin another session with. */
export async function weightsOf(session: TrainingSession): Promise<Weights> {
  return new Map(
    [...await session.parameters()].map(([name, { data }]) => [name, data as Float32Array<ArrayBuffer>]),
  );
}
