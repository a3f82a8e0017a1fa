import type { AdapterReport } from "../../src/adapter/adapter.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { parseModel } from "../../src/models/model_document.ts";
import { policyDocument, policyPresets } from "../../src/storage/policies.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import { ablations, miniSequences } from "./ablations.ts";
import { grid } from "./grid.ts";
import { untilPrecision } from "./stopping.ts";
import type { Combination, SweepOptions } from "./sweep_options.ts";

const named = (...names: string[]) => names.map(policyDocument);
const models = (...names: string[]) => names.map(modelConfig);

const common: SweepOptions = {
  models: models("nano"),
  sequences: [],
  batches: [4],
  policies: named("exact", "half", "mesa8", "token8"),
  steps: 3,
  warmup: 1,
  rounds: 1,
  qualitySteps: 16,
  seeds: 1,
  seed: 1,
  gradientEvery: 0,
};

/** A profile that asks for speed goes on until it is known to half a percent. */
const known = untilPrecision(0.005);
/** How a sweep looks at a GPU that nobody has named a profile or sizes for: at models that fit it, for so many seconds in all. */
export const glance: SweepOptions = { ...common, steps: 10, warmup: 3, rounds: 3, qualitySteps: 50 };
export const glanceSeconds = 270;

/** How long a profile that compares training runs looks on a GPU, and on a software adapter. */
const training = {
  gpu: {
    models: models("micro"),
    batches: [8],
    steps: 20,
    warmup: 5,
    rounds: 3,
    qualitySteps: 200,
    gradientEvery: 20,
  },
  software: {
    models: models("nano"),
    sequences: [64],
    batches: [2],
    rounds: 3,
    qualitySteps: 10,
    gradientEvery: 5,
  },
};

/** first, twice that, … up to last. */
const doublings = (first: number, last: number) =>
  Array.from({ length: Math.floor(Math.log2(last / first)) + 1 }, (_, i) => first * 2 ** i);

/** Updates that let each gradient live until its own alone. */
const inBackward = { update: "backward", clipBy: "last" } as const;

/** What weights and moments may be kept in, where memory is scarce: all in f32, as MST keeps them, and with moments of 8 bits. */
const states: StepChoices[] = [
  inBackward,
  { ...inBackward, parameters: "bf16", moments: "bf16" },
  { ...inBackward, moments: "8bit" },
  { ...inBackward, parameters: "bf16", moments: "8bit" },
];

/** Weights and moments in fewer bytes, update in backward, and all at once, beside what stands in f32 and is updated after the step. */
const fewerBytes: Readonly<Record<string, StepChoices>> = {
  "exact-bf16-weights": { parameters: "bf16" },
  "exact-bf16-moments": { moments: "bf16" },
  "exact-8bit-moments": { moments: "8bit" },
  "exact-backward-update": inBackward,
  "exact-8bit-all": { parameters: "bf16", moments: "8bit", ...inBackward },
};
/** What else there is. */
const otherBytes: Readonly<Record<string, StepChoices>> = {
  "exact-f16-weights": { parameters: "f16" },
  "exact-bf16-all": { parameters: "bf16", moments: "bf16", ...inBackward },
};

/** `exact` with each of some choices, by name. */
const exactWith = (named: Readonly<Record<string, StepChoices>>): Combination[] =>
  Object.entries(named).map(([name, choices]) => ({ name, policy: "exact", choices }));

type Class = AdapterReport["class"];

const ablation = (policies: SweepOptions["policies"]) => (adapter: Class): SweepOptions => ({
  ...common,
  ...training[adapter],
  policies,
  seeds: 3,
});

/**
 * Profiles by name, as an adapter of either class takes them. The first three are the defaults of their adapters: `gpu` where the user names
 * models or sizes.
 */
export const profiles: Record<string, (adapter: Class) => SweepOptions> = {
  gpu: () => ({
    ...common,
    models: models("nano", "micro", "mini", "small", "deit-tiny"),
    batches: [4, 16],
    steps: 20,
    warmup: 5,
    ...known,
    qualitySteps: 100,
  }),
  llvmpipe: () => ({ ...common, models: models("nano", "vit-nano"), rounds: 2, qualitySteps: 20 }),
  swiftshader: () => common,
  // The canonical table: three families by length and batch, each under one policy for each way to store, and `token8` (`recompute` has
  // `recompute8`'s speed and some percent more of its bytes).
  grid: (adapter) => ({
    ...common,
    ...grid(adapter),
    policies: named("exact", "half", "mesa8", "token8", "mesa8-selective", "recompute8", "mst8"),
    ...adapter === "gpu" ? { steps: 3, warmup: 1, rounds: 3 } : { steps: 1, warmup: 0 },
    qualitySteps: 0,
  }),
  // What CI runs: each preset must get through one small cell.
  smoke: () => ({
    ...common,
    sequences: [32],
    batches: [2],
    policies: Object.values(policyPresets),
    steps: 1,
    warmup: 0,
    qualitySteps: 1,
  }),
  // The paper's own table: its models, images and batch.
  paper: (adapter) => ({
    ...common,
    models: adapter === "gpu" ? models("deit-tiny", "deit-small", "deit-base") : models("deit-tiny"),
    batches: [adapter === "gpu" ? 128 : 1],
    policies: named("exact", "mesa8-paper", "mesa8", "token8"),
    steps: adapter === "gpu" ? 10 : 1,
    warmup: adapter === "gpu" ? 3 : 0,
    ...adapter === "gpu" && known,
    qualitySteps: 0,
  }),
  // How long a sequence may be. A software adapter has the memory of a small card, so that its sweep comes to an end.
  long: (adapter) => ({
    ...common,
    models: adapter === "gpu" ? models("small") : models("nano"),
    sequences: adapter === "gpu" ? doublings(1024, 2 ** 19) : doublings(64, 2 ** 16),
    batches: [1],
    policies: named("exact", "mesa8", "recompute", "recompute8", "mst", "mst8"),
    growing: true,
    ...adapter === "software" && { memory: 64 * 2 ** 20 },
    steps: 2,
    qualitySteps: 0,
  }),
  // MST's own table: how long sequences of its models may be on a card of 80 GB, of which buffers get 78 GiB, by plan with each choice of what
  // weights and moments are kept in. With MST's own, all policies are timed at two lengths, and a step proves the longest of each, for which
  // `mst` stands beside `recompute`: what pieces cost there.
  mst: (adapter) => ({
    ...common,
    models: adapter === "gpu" ? models("llama2-7b", "llama3-8b") : models("llama-nano"),
    sequences: adapter === "gpu" ? [2048, 16384] : [64],
    batches: [1],
    policies: named("exact", "recompute", "mst", "mst8"),
    ...inBackward,
    parameters: "bf16",
    moments: "bf16",
    longest: { unit: adapter === "gpu" ? 1024 : 64, choices: states, beside: { recompute: ["mst"] } },
    memory: adapter === "gpu" ? 78 * 2 ** 30 : 8 * 2 ** 20,
    untuned: true,
    timeout: 7200,
    steps: 1,
    qualitySteps: 0,
  }),
  // Does training suffer? Small models on real data, so that many seeds of every policy train to the end of their schedule. A step has as
  // many tokens of a text as of images, 65 of which make one. `mesa2` must fail, or the question was put too loosely.
  parity: (adapter) => ({
    ...common,
    ...adapter === "gpu"
      ? {
        models: models("micro", "vit-micro"),
        sequences: [4 * 65],
        tokens: 64 * 65,
        qualitySteps: 2000,
        seeds: 12,
        gradientEvery: 500,
        warmup: 2,
      }
      : {
        models: models("nano", "vit-nano"),
        sequences: [65],
        batches: [4],
        qualitySteps: 10,
        seeds: 3,
        gradientEvery: 5,
      },
    policies: named("exact", "half", "mesa8", "token8", "mesa4", "mesa2"),
    data: "brown",
    images: "fashion-mnist",
    nullOfChaos: true,
    toZero: true,
    augmentation: "none", // two epochs of real images: moved and mirrored, they teach a ViT less than a linear rule knows
  }),
  // The same question of products on tensor cores, under a runtime that has them: `exact` in each arithmetic against `exact` in f32.
  "parity-arithmetic": (adapter) => ({
    ...profiles.parity(adapter),
    policies: named("exact", "mesa2"),
    combinations: exactWith({ "exact-f16x3": { arithmetic: "f16x3" }, "exact-f16": { arithmetic: "f16" } }),
  }),
  // And of weights and moments in fewer bytes, and of weights that are updated in backward.
  "parity-states": (adapter) => ({
    ...profiles.parity(adapter),
    models: adapter === "gpu" ? models("llama-micro") : models("llama-nano"),
    policies: named("exact", "mesa2"),
    combinations: exactWith(fewerBytes),
  }),
  // What they save, and what they cost in speed.
  states: (adapter) => ({
    ...common,
    models: adapter === "gpu" ? models("small") : models("nano"),
    sequences: [adapter === "gpu" ? 1024 : 32],
    batches: [adapter === "gpu" ? 16 : 1],
    policies: named("exact"),
    combinations: exactWith({ ...fewerBytes, ...otherBytes }),
    steps: adapter === "gpu" ? 10 : 1,
    warmup: adapter === "gpu" ? 3 : 0,
    ...adapter === "gpu" && known,
    qualitySteps: 0,
  }),
  // Is saved memory better re-invested? What `exact` takes is every policy's budget, spent on a larger batch, a deeper or a wider model, on
  // real data; the largest model is only timed, and so is `token8`, which affords and takes within some percent what `mesa8` does. Kernels are
  // untuned, so that steps have the bytes that they were found with.
  reinvest: (adapter) => ({
    ...common,
    ...adapter === "gpu"
      ? {
        models: models("nano", "micro", "mini", "small"),
        batches: [16],
        steps: 5,
        warmup: 1,
        rounds: 3,
        qualitySteps: 1000,
        seeds: 3,
      }
      : { sequences: [64], batches: [8], rounds: 3, qualitySteps: 10, seeds: 3 },
    policies: adapter === "gpu"
      ? named("exact", "mesa8", "token8", "recompute8")
      : named("exact", "mesa8", "recompute8"),
    data: "brown",
    toZero: true,
    untuned: true,
    timeout: 3600,
    reinvest: { timedOnly: ["small", "token8"], mostTokens: 3 * 2 ** 20 },
  }),
  // Every policy with every choice of a step: all by plan, and what may be worth it as measured (bench/sweep/frontier.ts has the rule). Before
  // its first round each policy trains in each arithmetic until gradients say something of training, with a rate that rises first.
  frontier: (adapter) => ({
    ...common,
    models: adapter === "gpu" ? models("small") : models("nano"),
    sequences: adapter === "gpu" ? [] : [128],
    batches: [adapter === "gpu" ? 16 : 1],
    policies: Object.values(policyPresets),
    frontier: { most: 40 },
    toZero: true,
    ...adapter === "gpu"
      ? { steps: 3, rounds: 3, qualitySteps: 100, gradientEvery: 50 }
      : { steps: 1, rounds: 2, qualitySteps: 2, gradientEvery: 1 },
  }),
  // Pieces by each rule, at a usual length and at long ones, against one piece.
  "mini-sequences": (adapter) => ({
    ...common,
    models: adapter === "gpu"
      ? [parseModel({ name: "small-32k", preset: "small", positions: 32768 }, "mini-sequences")]
      : models("nano"),
    sequences: adapter === "gpu" ? [1024, 8192, 32768] : [128],
    batches: [1],
    policies: miniSequences,
    steps: adapter === "gpu" ? 3 : 1,
    ...adapter === "gpu" && known,
    qualitySteps: 0,
  }),
  // The tokens of a step stay the same, so that length alone varies.
  "ablation-length": (adapter) => ({
    ...ablation(named("exact", "mesa8-paper", "mesa8", "token8"))(adapter),
    sequences: adapter === "gpu" ? [128, 512, 1024] : [32, 64],
    tokens: adapter === "gpu" ? 8192 : 128,
  }),
  ...Object.fromEntries(
    Object.entries(ablations).map(([name, policies]) => [`ablation-${name}`, ablation(policies)]),
  ),
};

/** The profile of an adapter when the user names none. */
export function defaultProfile(adapter: AdapterReport): string {
  return adapter.class === "gpu" ? "gpu" : adapter.slug === "swiftshader" ? "swiftshader" : "llvmpipe";
}
