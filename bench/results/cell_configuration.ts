import { z } from "zod";
import { arithmetics } from "../../src/gpu/arithmetic.ts";
import { type ModelConfig, modelConfig, modelPresets } from "../../src/models/model_config.ts";
import { modelSchema } from "../../src/models/model_document.ts";
import { momentFormats, parameterFormats } from "../../src/nn/parameters.ts";
import { shardings, spreads } from "../../src/ranks/share.ts";
import { policySchema } from "../../src/storage/policy_document.ts";
import { clippings, updates } from "../../src/train/step_choices.ts";
import { count, positive } from "./numbers.ts";

/** How a step computes and updates, where that is not the default. */
export const choiceFields = {
  arithmetic: z.enum(arithmetics).optional().describe(
    "what products compute in: f32 where it is left out; else halves on subgroup matrices, summed in f32",
  ),
  accumulate: positive.optional().describe(
    "micro-batches of a step, whose gradients add: 1 where it is left out",
  ),
  parameters: z.enum(parameterFormats).optional().describe(
    "what matrices of weights are kept in: f32 where it is left out; else rounded at random where they are updated",
  ),
  moments: z.enum(momentFormats).optional().describe(
    "what Adam's two moments are kept in: f32 where it is left out; 8bit: codes by blocks of 256",
  ),
  update: z.enum(updates).optional().describe(
    "when weights are updated: after the step where it is left out; backward: each as soon as its gradient is known, which then ends",
  ),
  clipBy: z.enum(clippings).optional().describe(
    "whose norm gradients are clipped by: the step's own where it is left out; last: that of the step before",
  ),
  ranks: positive.optional().describe("processes that share the step: 1 where it is left out"),
  spread: z.enum(spreads).optional().describe(
    "what ranks part between them: the tokens of every sequence where it is left out; batch: the sequences of a batch",
  ),
  sharding: z.enum(shardings).optional().describe(
    "what each rank keeps a part of, in place of all: nothing where it is left out; moments: Adam's two, of the weights that it updates for all",
  ),
};

const pace = z.object({
  exact: z.number().positive(),
  own: z.number().positive(),
}).describe("milliseconds of a step, measured before the sweep: `exact`'s, and this one's");

/** How long steps take of which as many are to be taken as last equally long. */
export type Pace = z.infer<typeof pace>;

const reinvested = z.object({
  model: z.string(),
  batch: positive,
  into: z.enum(["batch", "depth", "width"]).optional().describe("what has grown; left out: nothing"),
  pace: pace.optional().describe(
    "it trains as many steps as take the time of `exact`'s; left out: those that take its tokens",
  ),
}).describe(
  "the cell is compared with `exact` of that model and batch, whose memory it has been given; left out: it is of that size itself",
);

/** What one process measures: a model, a step of it under a policy, and how long it trains. */
export const configuration = z.object({
  model: z.string().describe("the model's name"),
  modelDocument: modelSchema.optional().describe("the model as a complete document; left out for a preset"),
  sequence: positive.describe("tokens of a sequence"),
  batch: positive.describe("sequences of a step, or of each of its micro-batches, of all ranks together"),
  policy: z.string().describe("the storage policy's name"),
  storage: policySchema.describe("the storage policy as a complete document"),
  ...choiceFields,
  seed: count.describe("of parameters, the order of data, augmentation and stochastic rounding"),
  learningRate: z.number().nonnegative(),
  weightDecay: z.number().nonnegative(),
  clipNorm: z.number().nonnegative().describe("0: no clipping"),
  labelSmoothing: z.number().min(0).max(1),
  schedule: z.object({ warmupSteps: count, totalSteps: positive, minimumFraction: z.number() }).nullable()
    .describe("linear warm-up, then a cosine; null: a constant learning rate"),
  augmentation: z.literal("none").optional().describe(
    "none: images are trained on as they are; left out: moved and mirrored",
  ),
  warmupSteps: count.describe("steps before the timed ones"),
  timedSteps: positive,
  qualitySteps: count.describe("training steps before the validation loss; 0: not measured in this round"),
  gradientEvery: count.describe("steps between comparisons of the gradient with `exact`'s; 0: none"),
  variants: z.record(z.string(), z.string()).optional().describe(
    "variants of kernels that were set, by kernel and shape; the others come from the table",
  ),
  kernels: z.literal("other").optional().describe(
    "other: its variants are others than those that the same storage takes beside it, so that sums round otherwise: the null of chaos",
  ),
  beside: z.object(choiceFields).optional().describe(
    "the choices of the cells that it is compared with, where its own are others on purpose",
  ),
  reinvested: reinvested.optional(),
  round: count.describe(
    "the policies of a comparison run in turn, once a round, every other round backwards",
  ),
  again: z.literal(true).optional().describe(
    "the sweep's first cell once more, after all others: tells drift",
  ),
});

/** The policy that stores too little to train with: where it passes, a question of quality was put too loosely. */
export const mustFail = "mesa2";

/** What one child process is told to do. */
export type CellConfiguration = z.infer<typeof configuration>;

/** How a configuration tells its model. */
export function modelFields(model: ModelConfig): Pick<CellConfiguration, "model" | "modelDocument"> {
  const { name } = model;
  return Object.hasOwn(modelPresets, name) ? { model: name } : { model: name, modelDocument: model };
}

/** The model of a configuration. Throws a UserError if it is neither a preset nor told. */
export function modelOf({ model, modelDocument }: CellConfiguration): ModelConfig {
  return modelDocument ?? modelConfig(model);
}

/** What tells one process of a sweep from all others. */
export const keyOf = (cell: CellConfiguration): string => JSON.stringify(configuration.parse(cell));
