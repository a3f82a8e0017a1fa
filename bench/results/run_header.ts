import { z } from "zod";
import { type StepChoices, unusual } from "../../src/train/step_choices.ts";
import {
  cellRecord,
  choiceFields,
  configuration,
  dataReport,
  environment,
  measurement,
  schemaVersion,
} from "./results.ts";

const positive = z.number().positive();

const shared = {
  schema: z.literal(schemaVersion),
  command: z.string().describe("the command line, as a shell reads it"),
  started: z.iso.datetime(),
  environment,
  sources: z.string().describe(
    "SHA-256 of `git ls-tree`'s lines for the program's files: of a commit, or of what was there",
  ),
};

const shard = z.object({
  index: z.int().positive().describe("which one, from 1"),
  of: z.int().positive().describe("how many there are"),
});

/** One of several equal parts of a sweep: the `index`-th, from 1, `of` so many. */
export type Shard = z.infer<typeof shard>;

const stopping = z.object({
  precision: positive.describe(
    "a comparison ends when the 95% interval of every policy's speed reaches no further than this share of it",
  ),
  fewestRounds: z.int().positive().describe("rounds before any interval is looked at"),
  maxSeconds: positive.describe("a comparison ends when the processes that only time have taken so long"),
});

/** When the rounds of a comparison of policies end before the last that is planned. */
export type Stopping = z.infer<typeof stopping>;

const until = stopping.omit({ precision: true }).extend({
  tolerance: positive.describe(
    "the rounds of a comparison end when every cell's speed is known to be the other program's within this share, or to be beyond",
  ),
});

/** When the rounds of two programs by turns end before the last that is planned. */
export type Until = z.infer<typeof until>;

const limit = z.object({
  of: z.enum(["memory", "buffer", "binding", "tokens"]).describe(
    "memory: all buffers together; buffer: the largest of them; binding: what must be bound at once; tokens: those that kernels can count",
  ),
  wanted: positive.describe("bytes, or tokens"),
  most: positive.describe("what there is"),
  tensor: z.string().optional().describe("what the largest buffer holds"),
});

/** What a step takes of something of which there is so much. */
export type Limit = z.infer<typeof limit>;

const longestSequence = z.object({
  model: z.string().describe("the model's name, of whatever length"),
  batch: z.int().positive(),
  policy: z.string(),
  ...choiceFields,
  sequence: z.int().nonnegative().describe("tokens, a multiple of the unit; 0: not even one unit fits"),
  memory: measurement.shape.memory.describe(
    "by plan at that length, of one unit where that does not fit; null of what cannot be planned",
  ),
  limit: limit.describe("what is wanting one unit later"),
});

/** The longest sequence of a model, a policy and choices of a step that fits by plan. */
export type LongestSequence = z.infer<typeof longestSequence>;

/**
 * Whether a cell is of a longest sequence's model, batch size and choices of a step, at whatever length: where lengths grow, each is of a
 * model that its name tells.
 */
export function isOf(
  { model, batch, ...choices }: LongestSequence,
  cell: StepChoices & { readonly model: string; readonly sequence: number; readonly batch: number },
): boolean {
  return [model, `${model}-${cell.sequence}`].includes(cell.model) && batch === cell.batch &&
    JSON.stringify(unusual(choices)) === JSON.stringify(unusual(cell));
}

const reinvestment = z.object({
  model: z.string(),
  sequence: z.int().positive(),
  batch: z.int().positive(),
  ...choiceFields,
  budgetBytes: positive.describe("of the buffers that `exact` takes there"),
  found: z.array(z.object({
    policy: z.string(),
    into: z.enum(["batch", "depth", "width"]),
    size: z.int().nonnegative().describe(
      "the largest that fits: sequences, blocks or channels; 0: none does",
    ),
    bufferBytes: positive.nullable().describe("that it takes; null of none"),
    next: z.object({ size: positive, wantedBytes: positive.nullable() }).describe(
      "the next size, which does not fit, and the bytes that it wants as far as they are known",
    ),
  })),
});

/** What policies afford in the memory that `exact` takes, by plan. */
export type Reinvestment = z.infer<typeof reinvestment>;

/** What memory is re-invested in. */
export type Investment = Reinvestment["found"][number]["into"];

const plannedCombination = z.object({
  model: z.string(),
  sequence: z.int().positive(),
  batch: z.int().positive(),
  name: z.string().describe("what the policy is called in cells of it"),
  policy: z.string().describe("the storage policy that it is made of"),
  ...choiceFields,
  memory: measurement.shape.memory.describe("by plan; null of what cannot be bound"),
  seconds: positive.nullable().describe(
    "of a step by its operations and bytes at nominal rates, to compare plans by; null of what cannot be bound",
  ),
  fits: z.boolean().describe("whether the plan is within what the adapter and --memory give"),
});

/** A policy with choices of a step, by plan. */
export type PlannedCombination = z.infer<typeof plannedCombination>;

const peerMark = z.object({
  model: z.string(),
  sequence: z.int().positive(),
  batch: z.int().positive(),
  name: z.string().describe("arithmetic, form, and whether it was compiled"),
  tokensPerSecond: positive,
  fastest: positive.optional().describe("tokens a second of its fastest round; left out: not told"),
  bytes: positive.describe("torch.cuda.max_memory_allocated"),
});

/** A row of PyTorch's that stands beside a sweep's cells. */
export type PeerMark = z.infer<typeof peerMark>;

/** What a sweep set out to do: enough to go on with it in another process, and to tell whether it is whole. */
export const sweepHeader = z.object({
  ...shared,
  kind: z.literal("sweep"),
  data: z.array(dataReport).describe("all that is trained on"),
  paths: z.object({ data: z.string().optional(), images: z.string().optional() }),
  config: z.object({ path: z.string(), digest: z.string() }).optional().describe(
    "the document of --config, and the first digits of its SHA-256; what it says is in the cells",
  ),
  requireGpu: z.boolean(),
  growing: z.boolean().describe("whether a policy that failed at one length is given up at longer ones"),
  memory: positive.nullable().describe("bytes that a step's buffers may take by plan"),
  longest: z.object({
    unit: z.int().positive().describe("tokens: lengths that were planned are multiples of it"),
    found: z.array(longestSequence),
  }).optional().describe(
    "the longest sequences that fit by plan, by the kernels' tables, with exactly as many positions; left out: none were looked for",
  ),
  reinvest: z.array(reinvestment).optional().describe(
    "what policies afford in the memory that `exact` takes, by the kernels' tables; left out: that was not asked",
  ),
  frontier: z.object({
    most: z.int().positive().describe("combinations of a model and size that are measured, at most"),
    planned: z.array(plannedCombination),
  }).optional().describe(
    "every combination of the policies with the choices of a step by plan, by the kernels' tables; left out: none were looked for",
  ),
  peers: z.object({
    command: z.string().describe("what measured them"),
    rows: z.array(peerMark),
  }).optional().describe("rows of PyTorch's on the same card, by --peers"),
  timeout: positive.optional().describe("seconds that one process may take; left out: 600"),
  stopping: stopping.optional().describe("left out: every planned round is run"),
  cells: z.array(configuration).describe("every process that was planned, in order"),
  shard: shard.optional().describe("the part of the plan that this run takes; left out: all of it"),
  interleaved: z.object({
    run: z.uuid().describe("the same in both reports"),
    side: z.enum(["base", "new"]).describe(
      "the commit of `--against`, or the program that was told to run it",
    ),
    stepsPerTurn: positive.optional().describe(
      "both processes of a round lived at once, and took turns of so many timed steps; left out: one ran after the other",
    ),
    until: until.optional().describe("left out: every planned round is run"),
  }).optional().describe(
    "of a run by turns with another commit: a round of one report has its pair in the other's",
  ),
}).meta({ title: "Headroom sweep" });

export type SweepHeader = z.infer<typeof sweepHeader>;

/** What of it tables tell, where there is any. */
export type Told = Partial<
  Pick<SweepHeader, "sources" | "stopping" | "longest" | "reinvest" | "memory" | "frontier" | "peers">
>;

/** What a sweep knew of combinations by plan, before it ran any. */
export type Frontier = NonNullable<SweepHeader["frontier"]>;

/** What a sweep found of lengths by plan, before it ran any. */
export type LongestSequences = NonNullable<SweepHeader["longest"]>;

/** The header of times of kernels, or of the dispatches of steps. */
export const timesHeader = z.object({
  ...shared,
  kind: z.enum(["kernels", "profile"]),
  ...choiceFields,
  waitMilliseconds: z.number().optional().describe(
    "of a wait for a queue that has nothing to do: the median of twenty",
  ),
});

export type TimesHeader = z.infer<typeof timesHeader>;

/** The JSON schema of a sweep's lines: a header, then records. */
export const resultsJsonSchema = () =>
  z.toJSONSchema(z.union([sweepHeader, cellRecord]).meta({ title: "A line of Headroom's results.jsonl" }), {
    io: "input",
  });
