import type { Gpt2Config } from "../models/gpt2_config.ts";
import type { QuantizerOptions } from "../storage/policy.ts";

/** What a training run is, short of its data. */
export interface TrainOptions extends Partial<QuantizerOptions> {
  readonly model: Gpt2Config;
  /** Tokens of a sequence, and sequences of a batch. */
  readonly sequence: number;
  readonly batch: number;
  /** A storage policy's name. */
  readonly policy: string;
  /** Fixes the initial weights and the random rounding. */
  readonly seed: number;
  readonly learningRate?: number;
  readonly betas?: readonly [number, number];
  readonly epsilon?: number;
  readonly weightDecay?: number;
  /** `matrices` decays weights and embeddings, not biases and LayerNorms. */
  readonly decay?: "matrices" | "all";
  /** Largest norm of all gradients together; 0 never clips. */
  readonly clipNorm?: number;
  readonly schedule?: Schedule;
  /** Rows of logits at once, a multiple of 64. By default as many as cost no memory. */
  readonly headChunkTokens?: number;
}

/** Linear warm-up, then a cosine down to `minimumFraction` of the learning rate at step `totalSteps`. */
export interface Schedule {
  readonly warmupSteps: number;
  readonly totalSteps: number;
  readonly minimumFraction: number;
}

/** AdamW as nanoGPT sets it for small models, and the rest of what options leave open. */
export const trainDefaults = {
  learningRate: 1e-3,
  betas: [0.9, 0.95],
  epsilon: 1e-8,
  weightDecay: 0.1,
  decay: "matrices",
  clipNorm: 1,
} as const;

/** The learning rate of step `step`, counted from 1. */
export function learningRateAt(step: number, learningRate: number, schedule?: Schedule): number {
  if (!schedule) return learningRate;
  const { warmupSteps, totalSteps, minimumFraction } = schedule;
  if (step <= warmupSteps) return learningRate * step / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  const cosine = 0.5 * (1 + Math.cos(Math.PI * progress));
  return learningRate * (minimumFraction + (1 - minimumFraction) * cosine);
}
