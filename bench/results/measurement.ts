import { z } from "zod";
import { categories } from "../../src/memory/category.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { count, measured, positive } from "./numbers.ts";

const gradientError = z.object({
  relativeError: z.number().nonnegative().nullable().describe(
    "norm of the difference to `exact`'s gradient, as a share of that one's",
  ),
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
export type CardState = z.infer<typeof card>;

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

/** The schema of what a process found: null where it did not come so far, or was not to. */
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
      "times that were taken before these, while the card idled or was throttled, or steps were held up",
    ),
  }).nullable(),
  quality: z.object({
    trainingLosses: z.array(measured).describe("nats per target, one a step"),
    validationLoss: measured.describe("nats per target after the quality steps"),
    validationTop1: z.number().nonnegative().nullable().describe(
      "share of held-out images whose class got the largest logit; null for texts",
    ),
    validationTargets: count,
    gradientErrors: z.array(gradientErrors).describe("at every gradientEvery-th step"),
    clippedShare: z.number().nonnegative().describe(
      "share of stored values outside their range in the last step",
    ),
  }).nullable(),
  overflowShare: z.number().nonnegative().optional().describe(
    "share of the numbers that products read in all steps of the process which their scale left too large for halves; left out where products are in f32",
  ),
  ranks: z.array(rankReport).optional().describe(
    "by rank, where several share the steps; the rest of the record is of rank 0",
  ),
});

/** What a rank tells of itself. */
export type RankReport = z.infer<typeof rankReport>;

/** What a child process found. */
export type CellMeasurement = z.infer<typeof measurement>;

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
