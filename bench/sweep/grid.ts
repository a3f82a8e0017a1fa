import { type ModelConfig, modelConfig } from "../../src/models/model_config.ts";

/** Sizes of a step of each model by name: batches at each of these lengths, or at the model's usual one. */
type Sizes = Readonly<Record<string, { sequences?: readonly number[]; batches: readonly number[] }>>;

/**
 * The canonical grid: three families from a step that a launch bounds to one that arithmetic does, of which batch and length vary where
 * that tells the most. It takes 22 GiB of 80 under `mst8` and 32 under `exact`, and about 25 minutes of a card of H100's class in f32.
 */
const onGpu: Sizes = {
  micro: { batches: [64] },
  mini: { sequences: [128, 512], batches: [16] },
  small: { sequences: [256, 1024], batches: [4, 16] },
  "vit-micro": { batches: [256] },
  "deit-small": { batches: [32, 128] },
  "deit-base": { batches: [128] },
  "llama-micro": { sequences: [64, 256], batches: [64] },
  "llama-1b": { batches: [1, 4] },
};

/** The same shape of a grid in what the processor trains within seconds. */
const onSoftware: Sizes = {
  nano: { sequences: [32, 128], batches: [2, 8] },
  "vit-nano": { batches: [2, 8] },
  "llama-nano": { batches: [8] },
};

/** The models of the grid with each one's sizes; a model that it does not have gets its usual length and a batch of 4. */
export function grid(adapter: "gpu" | "software") {
  const sizes = { gpu: onGpu, software: onSoftware }[adapter];
  return {
    models: Object.keys(sizes).map(modelConfig),
    sequences: ({ name }: ModelConfig) => sizes[name]?.sequences ?? [],
    batches: ({ name }: ModelConfig) => sizes[name]?.batches ?? [4],
  };
}
