import type { Variants } from "../gpu/builder.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { Decay } from "../nn/parameters.ts";
import { createPolicy, policyDocument } from "../storage/policies.ts";
import type { StoragePolicy } from "../storage/policy.ts";
import type { PolicyDocument } from "../storage/policy_document.ts";
import type { StepChoices } from "./step_choices.ts";

/** What a training run is, short of its data. */
export interface TrainOptions extends StepChoices {
  readonly model: ModelConfig;
  /** Tokens of a sequence (of an image, its class token included), and sequences of a batch, or of each micro-batch. */
  readonly sequence: number;
  readonly batch: number;
  /** A storage policy: a preset's name, or a document. */
  readonly policy: string | PolicyDocument;
  /** Fixes the initial weights and the random rounding. */
  readonly seed: number;
  readonly learningRate?: number;
  readonly betas?: readonly [number, number];
  readonly epsilon?: number;
  readonly weightDecay?: number;
  /** `matrices` decays weights and embeddings, not biases and LayerNorms. */
  readonly decay?: Decay;
  /** Largest norm of all gradients together; 0 never clips. */
  readonly clipNorm?: number;
  readonly schedule?: Schedule;
  /** Share of the target's probability that training spreads over all classes of an image; 0 by default. */
  readonly labelSmoothing?: number;
  /** Variants of kernels that are set, by a tuning run or to repeat one. */
  readonly variants?: Variants;
  /** Which of the ranks this process is; 0 if left out. */
  readonly rank?: number;
  /** How images arrive: bytes, by default, or numbers as they are. */
  readonly pixels?: "u8" | "f32";
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

/** The storage policy that options name, with state of its own. Throws a UserError with the nearest name if there is none. */
export function policyOf({ policy }: Pick<TrainOptions, "policy">): StoragePolicy {
  return createPolicy(typeof policy === "string" ? policyDocument(policy) : policy);
}
