import type { ModelConfig } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";

/** A policy of the sweep by other choices of a step than the sweep's own, under a name of its own. */
export interface Combination {
  readonly name: string;
  readonly policy: string;
  readonly choices: StepChoices;
}

/** Numbers of all models alike, or of each its own. */
export type PerModel = readonly number[] | ((model: ModelConfig) => readonly number[]);

/** The numbers of one model. */
export const ofModel = (numbers: PerModel, model: ModelConfig): readonly number[] =>
  typeof numbers === "function" ? numbers(model) : numbers;

/** What a sweep covers and how long it looks. A profile is a record of these. */
export interface SweepOptions extends StepChoices {
  models: ModelConfig[];
  /** Tokens of a sequence; empty: each model's usual length. */
  sequences: PerModel;
  batches: PerModel;
  /** Tokens of a step, in place of `batches`: longer sequences come in smaller batches. */
  tokens?: number;
  policies: PolicyDocument[];
  /** Numbers of ranks beside each other, in place of `ranks`. */
  rankCounts?: number[];
  /** A text and images, by name or path; undefined: the built-in ones. */
  data?: string;
  images?: string;
  /** Whether `exact` is trained by other variants of its kernels, too: what rounding alone does to a loss. */
  nullOfChaos?: boolean;
  /** Further cells beside the policies: what choices of a step do to memory, speed and loss. Those of policies that are left out are, too. */
  combinations?: readonly Combination[];
  /**
   * All combinations of the policies with the choices of a step are planned, and of each model and size so many processes a round are run:
   * the policies, and the combinations that `chosen` takes.
   */
  frontier?: { most: number };
  /** The highest learning rate; undefined: the usual one. */
  learningRate?: number;
  /** Whether the learning rate rises and then falls to zero, of texts, too. */
  toZero?: boolean;
  /** "none": images are trained on as they are. By default they are moved and mirrored. */
  augmentation?: "none";
  /**
   * Whether lengths grow until nothing fits: each gets a model of exactly as many positions, a policy that failed at one is not run at
   * longer ones, and a length at which all failed is the last.
   */
  growing?: boolean;
  /**
   * The longest sequences that fit by plan are looked for, in multiples of so many tokens, with each of these choices of a step beside the
   * sweep's own. Each length gets a model of exactly as many positions. Where the user gives no lengths, each of the sweep's own choices is
   * proved by a step of its policy, and of those that are to stand `beside` it.
   */
  longest?: { unit: number; choices: StepChoices[]; beside?: Readonly<Record<string, readonly string[]>> };
  /**
   * The memory that `exact` takes is the budget of the other policies, which are timed at its size, too, and run at the largest batch, depth
   * and width that they afford. Models and policies of these names are only timed, and no model's `exact` trains on more tokens than
   * `mostTokens`, unless the user asks for `qualitySteps`.
   */
  reinvest?: { timedOnly: string[]; mostTokens?: number };
  /** Bytes that the buffers of a step may take, by its plan; undefined: what the device gives. */
  memory?: number;
  /** Timed steps of a process, and untimed ones before them. */
  steps: number;
  warmup: number;
  /** How often each cell runs, the policies in turn; with a precision, at the most. */
  rounds: number;
  /** Seconds that one process may take; undefined: 600. */
  timeout?: number;
  /** Whether kernels' variants are not measured beforehand, but those of their tables taken. */
  untuned?: true;
  /** The share of a speed within which its interval must lie for a comparison to end earlier; undefined: it does not. */
  precision?: number;
  /** Seconds after which a comparison ends without that precision. */
  maxTime?: number;
  /** Training steps before the validation loss; 0: none. */
  qualitySteps: number;
  /** Rounds that measure quality, each from a seed of its own: `seed`, `seed` + 1, … */
  seeds: number;
  seed: number;
  /** Steps of those between comparisons of the gradient with `exact`'s; 0: none. */
  gradientEvery: number;
}
