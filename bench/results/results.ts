import { z } from "zod";
import { type Runtime, runtimes } from "../../src/adapter/runtime.ts";
import { UserError } from "../../src/errors.ts";
import { arithmetics } from "../../src/gpu/arithmetic.ts";
import { categories } from "../../src/memory/category.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { type ModelConfig, modelConfig, modelPresets } from "../../src/models/model_config.ts";
import { architectureSchema, modelSchema } from "../../src/models/model_document.ts";
import { momentFormats, parameterFormats } from "../../src/nn/parameters.ts";
import { spreads } from "../../src/ranks/share.ts";
import { policySchema } from "../../src/storage/policy_document.ts";
import { clippings, updates } from "../../src/train/step_choices.ts";

/** Version of the record. It grows when a field changes its meaning or goes; new optional fields do not count. */
export const schemaVersion = 3;

const count = z.int().nonnegative();
const positive = z.int().positive();
/** A measured number; JSON has no NaN, so a loss that diverged is null. */
const measured = z.number().nullable();

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

export const configuration = z.object({
  model: z.string().describe("the model's name"),
  modelDocument: modelSchema.optional().describe("the model as a complete document; left out for a preset"),
  sequence: positive.describe("tokens of a sequence"),
  batch: positive.describe("sequences of a step, or of each of its micro-batches, of all ranks together"),
  policy: z.string().describe("the storage policy's name"),
  storage: policySchema.describe("the storage policy as a complete document"),
  ...choiceFields,
  seed: count.describe("of parameters, the order of data, augmentation and stochastic rounding"),
  learningRate: z.number().positive(),
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

export const environment = z.object({
  adapter: z.string(),
  adapterClass: z.enum(["gpu", "software"]).describe("a software adapter's times are no performance result"),
  driver: z.string().nullable(),
  runtime: z.enum(runtimes).optional().describe("what executed WebGPU; left out: native, Deno's own"),
  deno: z.string(),
  os: z.string(),
  cpu: z.string(),
  cores: positive,
  memoryBytes: positive,
  commit: z.string().nullable().describe("null outside a git checkout"),
  dirty: z.boolean().nullable().describe("whether tracked files differ from the commit"),
});

/** The machine and the program's version. */
export type Environment = z.infer<typeof environment>;

/** What executed WebGPU where a record was made. */
export const runtimeOf = ({ runtime }: { readonly runtime?: Runtime }): Runtime => runtime ?? "native";

/** The adapter as reports name it, with its runtime where that is not Deno's own: speeds of the two are of two machines. */
export const adapterTitle = (of: { readonly adapter: string; readonly runtime?: Runtime }): string =>
  runtimeOf(of) === "dawn" ? `${of.adapter} under Dawn` : of.adapter;

const baseline = z.object({
  rule: z.enum(["bigram", "linear", "classes"]).describe(
    "bigram: the token before, counted on the training text; linear: a linear rule on 8 × 8 means; classes: how often each occurs",
  ),
  loss: z.number().nonnegative().describe("nats per target of the held-out data"),
});

/** What is known of data without a network: a model that does no better has learnt nothing. */
export type Baseline = z.infer<typeof baseline>;

export const dataReport = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("text"),
    name: z.string(),
    digest: z.string(),
    trainTokens: count,
    validationTokens: count,
    unigramEntropy: z.number().describe(
      "nats per token of the validation text, by its own token frequencies",
    ),
    baseline: baseline.optional(),
  }),
  z.object({
    kind: z.literal("images"),
    name: z.string(),
    digest: z.string(),
    trainImages: count,
    heldOutImages: count,
    classes: positive,
    generated: z.boolean().describe("made by the built-in generator"),
    baseline: baseline.optional(),
  }),
]);

/** What was trained on. */
export type DataReport = z.infer<typeof dataReport>;

const gradientError = z.object({
  relativeError: measured.describe("norm of the difference to `exact`'s gradient, as a share of that one's"),
  cosine: measured.describe("of the angle between the two"),
});

const gradientErrors = z.object({
  step: positive,
  overall: gradientError,
  noise: measured.optional().describe(
    "of `exact`'s gradient between batches: norm of the difference of two batches' gradients, by √2, as a share of their root mean square norm",
  ),
  operators: z.record(z.string(), gradientError).describe("by the operator whose parameters they are"),
});

/** A gradient against `exact`'s on the same batch and weights, at one step of a training run. */
export type GradientErrors = z.infer<typeof gradientErrors>;

const card = z.object({
  clockMegahertz: z.number().nullable().describe("of the multiprocessors, the lowest that was read"),
  maxClockMegahertz: z.number().nullable().describe("the highest they can have"),
  watts: z.number().nullable().describe("the mean of what was read"),
  celsius: z.number().nullable().describe("the highest that was read"),
  slowedBy: z.array(z.string()).describe("all that held the clock back, in the driver's words"),
}).describe("as the driver told it while the timed steps ran");

/** The state of a card under load. */
export type Card = z.infer<typeof card>;

const times = z.object({
  clock: z.enum(["gpu", "wall"]),
  stepMilliseconds: z.array(z.number()).describe("raw, in order"),
  card: card.optional(),
});

const pieceSizes = z.object({
  mlp: positive,
  head: positive.nullable().describe("null for a Vision Transformer, whose head has one row an image"),
});

/** Tokens that go through a layer at once. */
export type PieceSizes = z.infer<typeof pieceSizes>;

const exchangeTimes = z.object({
  count: count.describe("of exchanges"),
  bytes: count.describe("that left the card"),
  compute: z.number().nullable().optional().describe(
    "milliseconds that the card computed before them, by its clock; null where it tells no times, and left out by an older program: then they are among those of map",
  ),
  map: z.number().describe(
    "milliseconds, beside these, from the first work queued until what left was mapped",
  ),
  transfer: z.number().describe("milliseconds between the ranks"),
  write: z.number().describe("milliseconds until what arrived was queued"),
});

const rankReport = z.object({
  host: z.string().describe("the machine's name"),
  adapter: z.string().describe("its card"),
  card: z.string().nullable().describe(
    "what the driver calls that card: ranks of one host with the same share it; null where nobody tells",
  ),
  bufferBytes: count.describe("bytes of its buffers by plan"),
  ledgerPeakBytes: count.describe("peak of all its GPU buffers"),
  exchanges: z.array(exchangeTimes).describe("all exchanges of each timed step together"),
});

export const measurement = z.object({
  status: z.enum(["ok", "diverged", "oom", "error", "timeout"]).describe(
    "diverged: it ran to its end, and a loss is no number",
  ),
  message: z.string().nullable(),
  wantedBytes: count.nullable().describe(
    "bytes of the allocation that failed (oom); of all buffers by plan, where none was tried",
  ),
  program: z.object({
    dispatchesPerStep: count,
    kernelVariants: z.record(z.string(), z.string()).describe(
      "by kernel: its variants, and dispatches of each",
    ),
    variants: z.record(z.string(), z.string()).optional().describe(
      "by kernel and shape: the variant taken, as --variants reads them",
    ),
    pieces: pieceSizes.optional().describe(
      "tokens that go through the MLP and the head at once, where the policy takes mini-sequences",
    ),
  }).nullable(),
  memory: z.object({
    savedBytes: count.describe("all saved activations, as they are stored"),
    livePeakBytes: count.describe("peak of live tensors"),
    liveAtPeak: z.partialRecord(z.enum(categories), count).describe(
      "bytes by category at that instant; one that is missing came later than the record",
    ),
    bufferBytes: count.describe("bytes of the buffers that hold the tensors"),
    ledgerPeakBytes: count.nullable().describe(
      "peak of all GPU buffers of the process, evaluation's included",
    ),
    driverBytes: count.nullable().describe(
      "growth of the memory that the driver reports, its own context included",
    ),
  }).nullable(),
  timing: times.extend({
    setupMilliseconds: z.number().describe("device, pipelines and buffers"),
    reference: z.record(z.string(), z.number()).optional().describe(
      "milliseconds of work that no change of the program changes, by name: how fast the machine was",
    ),
    setAside: z.array(times).optional().describe(
      "times that were taken before these, while the card idled or was throttled",
    ),
  }).nullable(),
  quality: z.object({
    trainingLosses: z.array(measured).describe("nats per target, one a step"),
    validationLoss: measured.describe("nats per target after the quality steps"),
    validationTop1: measured.describe(
      "share of held-out images whose class got the largest logit; null for texts",
    ),
    validationTargets: count,
    gradientErrors: z.array(gradientErrors).describe("at every gradientEvery-th step"),
    clippedShare: z.number().describe("share of stored values outside their range in the last step"),
    overflowShare: z.number().optional().describe(
      "share of the numbers that products read in the last step which their scale left too large for halves; left out where products are in f32",
    ),
  }).nullable(),
  ranks: z.array(rankReport).optional().describe(
    "by rank, where several share the steps; the rest of the record is of rank 0",
  ),
});

/** What a rank tells of itself. */
export type RankReport = z.infer<typeof rankReport>;

/** What a child process found. */
export type CellMeasurement = z.infer<typeof measurement>;

/** A line of `results.jsonl`: one cell in one round, self-describing. */
export const cellRecord = z.object({
  schema: z.literal(schemaVersion),
  started: z.iso.datetime(),
  seconds: z.number().nonnegative().describe("wall clock of the child process"),
  configuration,
  architecture: architectureSchema.describe("what the model's name stands for"),
  environment,
  data: dataReport,
  ...measurement.shape,
}).meta({ title: "Headroom cell record" });

export type CellRecord = z.infer<typeof cellRecord>;

/** A measurement of a cell that has none: it failed before it could report. */
export function failed(status: CellMeasurement["status"], message: string): CellMeasurement {
  return { status, message, wantedBytes: null, program: null, memory: null, timing: null, quality: null };
}

/** What a plan tells of a cell that was not run, or came to no end. */
export type Planned = { readonly wantedBytes: number; readonly memory: CellMeasurement["memory"] };

/** The memory of a cell by plan; nothing of it was measured. */
export function plannedMemory(
  { savedBytes, livePeakBytes, liveAtPeak, bufferBytes }: MemoryPlan,
): NonNullable<CellMeasurement["memory"]> {
  return { savedBytes, livePeakBytes, liveAtPeak, bufferBytes, ledgerPeakBytes: null, driverBytes: null };
}

/** What a cell that did not end well is said to be. */
export const statusWords = {
  ok: "–",
  diverged: "diverged",
  oom: "out of memory",
  error: "failed",
  timeout: "timed out",
};

/** Whether a process came to its end, so that every round of its cell can be had; what is `diverged` is a result, too. */
export const ran = ({ status }: Pick<CellMeasurement, "status">): boolean =>
  status === "ok" || status === "diverged";

/** All variants of kernels that the cells of a run took, set or not; but of those that were to take others, or to compute in another arithmetic. */
export function variantsOf(records: readonly CellRecord[]): Record<string, string> {
  const usual = records.filter(({ configuration: { kernels, arithmetic } }) =>
    kernels !== "other" && arithmetic === records[0].configuration.arithmetic
  );
  return Object.assign({}, ...usual.map(({ program }) => program?.variants ?? {}));
}

/** What tells one process of a sweep from all others. */
export const keyOf = (cell: CellConfiguration): string => JSON.stringify(configuration.parse(cell));

const answer = z.object({
  measurement,
  data: dataReport.nullable().describe("what the process read; null if it did not come so far"),
  adapter: environment.pick({ adapter: true, driver: true, runtime: true }).nullable(),
});

/** What a child process prints: what it found, and what it found it with. */
export type ChildAnswer = z.infer<typeof answer>;

/** The answer of a process that came to no end, or of none. */
export const unread = (measurement: CellMeasurement): ChildAnswer => ({
  measurement,
  data: null,
  adapter: null,
});

/** Parses what a child printed; null if it is no answer. */
export function parseAnswer(json: string): ChildAnswer | null {
  try {
    return answer.parse(JSON.parse(json));
  } catch {
    return null;
  }
}

/** Parses the configuration of a cell. Throws a UserError that names the field which is wrong. */
export function parseConfiguration(json: string): CellConfiguration {
  try {
    return configuration.parse(JSON.parse(json));
  } catch (error) {
    throw new UserError(`This is no configuration of a cell: ${reason(error)}`);
  }
}

/** Why a text is no line of a schema. */
export function reason(error: unknown): string {
  if (error instanceof SyntaxError) return "not a whole line of JSON";
  if (error instanceof z.ZodError) {
    const [{ path, message }] = error.issues;
    return `${path.join(".")}: ${message}`;
  }
  throw error;
}
