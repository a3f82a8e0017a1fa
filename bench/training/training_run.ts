import { z } from "zod";
import { type Runtime, runtimes } from "../../src/adapter/runtime.ts";
import type { ModelConfig } from "../../src/models/model_config.ts";
import { architectureSchema } from "../../src/models/model_document.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import { choiceFields, dataReport } from "../results/results.ts";
import { paceTold } from "./pace.ts";

/** What `train` is asked for; see its options for what each means. */
export interface TrainingRun extends StepChoices {
  model?: ModelConfig;
  sequence?: number;
  batch: number;
  policy: PolicyDocument;
  rounding?: PolicyDocument["rounding"];
  ranges?: PolicyDocument["ranges"];
  attention?: PolicyDocument["attention"];
  steps: number;
  seed: number;
  data?: string;
  images?: string;
  learningRate: number;
  weightDecay: number;
  clip: number;
  labelSmoothing?: number;
  warmup: number;
  evalEvery: number;
  weights?: string;
  heads?: number;
  save?: string;
  sampleTokens?: number;
  temperature?: number;
  prompt?: string;
  variants?: string;
  noTune: boolean;
  requireGpu: boolean;
  runtime?: Runtime;
  /** Print what became of it as JSON; the line of the loss and all else on stderr. */
  json?: boolean;
}

export const evaluation = z.object({
  step: z.int().positive().describe("after which it was made"),
  loss: z.number().describe("nats per target"),
  top1: z.number().nullable().describe("share of held-out images told right; null for texts"),
});

/** What `train --json` prints. */
export const trained = z.object({
  model: z.string(),
  architecture: architectureSchema,
  policy: z.string(),
  sequence: z.int().positive(),
  batch: z.int().positive(),
  seed: z.int().nonnegative(),
  data: dataReport,
  adapter: z.string(),
  runtime: z.enum(runtimes),
  ...choiceFields,
  arithmetic: choiceFields.arithmetic.unwrap(),
  livePeakBytes: z.int().positive().describe("of a step, where ranks share it the first's"),
  steps: z.int().positive().describe("that were planned"),
  stopped: z.boolean().describe("by a signal, before the last step"),
  losses: z.array(z.number()).describe("nats per target, one a step taken"),
  evaluations: z.array(evaluation),
  overflowShare: z.number().optional().describe(
    "share of the numbers that products read in all steps which their scale left too large for halves; left out where products are in f32",
  ),
  pace: paceTold,
  saved: z.string().nullable(),
  sample: z.string().nullable().describe("what the model writes, after the prompt"),
}).meta({ title: "A training run" });

/** What a run takes where it is not told. */
export const runDefaults = { labelSmoothing: 0.1, sampleTokens: 200, temperature: 0.8 };
