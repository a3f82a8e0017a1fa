import type { AdapterReport } from "../src/gpu/adapter.ts";

/** What a sweep covers and how long it looks. A profile is a record of these. */
export interface SweepOptions {
  models: string[];
  /** Tokens of a sequence; empty: each model's usual length. */
  sequences: number[];
  batches: number[];
  policies: string[];
  /** Timed steps of a process, and untimed ones before them. */
  steps: number;
  warmup: number;
  /** How often each cell runs, the policies in turn. */
  rounds: number;
  /** Training steps before the validation loss, in the first round; 0: none. */
  qualitySteps: number;
  seed: number;
  rounding: "stochastic" | "nearest";
  ranges: "running" | "current";
}

const common: Pick<SweepOptions, "sequences" | "policies" | "seed" | "rounding" | "ranges"> = {
  sequences: [],
  policies: ["exact", "half", "mesa8"],
  seed: 1,
  rounding: "stochastic",
  ranges: "running",
};

/** Profiles by name. The first three are the defaults of their adapters; `smoke` shows in seconds that everything runs. */
export const profiles: Record<string, SweepOptions> = {
  gpu: {
    ...common,
    models: ["nano", "micro", "mini", "small"],
    batches: [4, 16],
    steps: 20,
    warmup: 5,
    rounds: 3,
    qualitySteps: 100,
  },
  llvmpipe: {
    ...common,
    models: ["nano"],
    batches: [4],
    steps: 3,
    warmup: 1,
    rounds: 3,
    qualitySteps: 20,
  },
  swiftshader: {
    ...common,
    models: ["nano"],
    batches: [4],
    steps: 3,
    warmup: 1,
    rounds: 1,
    qualitySteps: 16,
  },
  smoke: {
    ...common,
    models: ["nano"],
    sequences: [32],
    batches: [2],
    steps: 2,
    warmup: 1,
    rounds: 1,
    qualitySteps: 2,
  },
};

const usualSequences: Record<string, number> = { nano: 128, micro: 256, mini: 512 };

/** The sequence length at which a model is usually measured, in tokens. */
export function usualSequence(model: string): number {
  return usualSequences[model] ?? 1024;
}

/** The profile of an adapter when the user names none. */
export function defaultProfile(adapter: AdapterReport): string {
  return adapter.class === "gpu" ? "gpu" : adapter.slug === "swiftshader" ? "swiftshader" : "llvmpipe";
}
