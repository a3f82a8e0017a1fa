import type { ModelConfig } from "../../src/models/model_config.ts";
import { trainDefaults } from "../../src/train/options.ts";
import type { CellConfiguration } from "../results/results.ts";

/** How AdamW is run: the same for all policies of a comparison. */
export type Recipe = Pick<
  CellConfiguration,
  "learningRate" | "weightDecay" | "clipNorm" | "labelSmoothing" | "schedule"
>;

/**
 * The recipe of `steps` steps. Texts: a constant learning rate, so that a run is the beginning of any longer one. Images: DeiT's (arXiv
 * 2012.12877), with warm-up, a cosine and label smoothing.
 */
export function recipe({ modelType }: Pick<ModelConfig, "modelType">, steps: number): Recipe {
  const { learningRate, weightDecay, clipNorm } = trainDefaults;
  if (modelType === "gpt2") return { learningRate, weightDecay, clipNorm, labelSmoothing: 0, schedule: null };
  const schedule = steps > 0
    ? { warmupSteps: Math.ceil(steps / 10), totalSteps: steps, minimumFraction: 0.01 }
    : null;
  return { learningRate, weightDecay: 0.05, clipNorm, labelSmoothing: 0.1, schedule };
}
