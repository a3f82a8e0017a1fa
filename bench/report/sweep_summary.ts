/** What `bench --json` prints: what a sweep found, cell by cell, as the report's tables tell it. */

import { z } from "zod";
import { unusual } from "../../src/train/step_choices.ts";
import { count, measured } from "../results/numbers.ts";
import {
  type CellRecord,
  choiceFields,
  configuration,
  environment,
  measurement,
} from "../results/results.ts";
import { type SweepHeader, sweepHeader } from "../results/run_header.ts";
import { missingCells } from "../sweep/outcomes.ts";
import { type Cell, compare } from "./cell_rounds.ts";
import { type Invested, invested, type InvestedArm, type Outcome } from "./reinvested.ts";
import { failureOf } from "./reinvested_failures.ts";
import { baseOf } from "./side_by_side.ts";
import { timedOf } from "./timed_cell.ts";
import { mean } from "../statistics/statistics.ts";

const { status, message, wantedBytes } = measurement.shape;

const cellSummary = z.object({
  model: z.string(),
  sequence: count,
  batch: count,
  policy: z.string(),
  ...choiceFields,
  status: status.describe("that of the first round which did not end well"),
  message,
  wantedBytes,
  rounds: count,
  memory: z.object({
    savedBytes: count,
    livePeakBytes: count,
    bufferBytes: count,
    driverBytes: measured.describe("median over the rounds"),
  }).nullable(),
  stepMilliseconds: measured.describe("median over the steps of all rounds"),
  tokensPerSecond: measured,
  imagesPerSecond: measured.describe("null for texts"),
  speed: z.object({
    against: z.string().describe("the policy that speeds are ratios to"),
    ratio: z.number().describe("of speeds within a round, geometric mean over the rounds; above 1 is faster"),
    interval: z.object({ low: z.number(), high: z.number() }).nullable().describe(
      "of 95%; null of fewer than three rounds",
    ),
  }).nullable(),
  quality: z.object({
    seeds: count,
    validationLoss: measured.describe("nats per target, mean over the seeds; null if one is no number"),
    validationTop1: measured.describe("null for texts"),
    gradientError: measured.describe(
      "relative, mean over the compared steps of all seeds; null if none was compared",
    ),
  }).nullable(),
});

const outcomeSummary = z.object({
  steps: measured.describe("mean over the seeds"),
  time: measured.describe("of those steps, as a multiple of `exact`'s"),
  tokens: z.number().describe("of those steps, likewise"),
  lossDifference: z.object({ mean: z.number(), low: z.number(), high: z.number() }).nullable().describe(
    "validation loss less `exact`'s, mean over seeds and its 95% interval; null of fewer than two, or if one is no number",
  ),
  verdict: z.enum(["lower", "higher", "diverged"]).optional().describe(
    "left out: not settled, or nothing has grown",
  ),
});

const armSummary = z.object({
  model: z.string().describe("`exact`'s"),
  sequence: count,
  batch: count.describe("`exact`'s"),
  policy: z.string(),
  into: configuration.shape.reinvested.unwrap().shape.into,
  size: z.object({ batch: count, layers: count, width: count }),
  learningRate: z.number(),
  status: status.describe("that of the first run which came to no end, or else whose loss is no number"),
  message,
  tokensPerSecond: measured,
  speed: z.object({ ratio: z.number(), interval: z.object({ low: z.number(), high: z.number() }).nullable() })
    .nullable().describe("tokens a second as a multiple of `exact`'s"),
  equalTime: outcomeSummary.optional(),
  equalTokens: outcomeSummary.optional(),
});

export const sweepSummary = z.object({
  kind: z.literal("sweep"),
  folder: z.string().describe("where the report lies, with every record"),
  command: sweepHeader.shape.command.nullable().describe(
    "null in results of versions 1 and 2, as is what is missing",
  ),
  ...sweepHeader.pick({ started: true, config: true }).shape,
  environment,
  ...sweepHeader.pick({ longest: true, frontier: true, peers: true }).shape,
  reinvest: sweepHeader.shape.reinvest,
  reinvested: z.array(armSummary).optional().describe(
    "what policies do with the memory that `exact` takes, beside `exact`; left out: that was not asked",
  ),
  missing: count.nullable().describe("processes without a record"),
  cells: z.array(cellSummary),
}).meta({ title: "What bench found", description: "A sweep; its records in results.jsonl say more" });

export type SweepSummary = z.infer<typeof sweepSummary>;

/** The summary of a sweep that has a record, and whose report lies in a folder. */
export function summarizeSweep(
  folder: string,
  { header, records }: { header: SweepHeader | null; records: readonly CellRecord[] },
): SweepSummary {
  const { started, environment } = header ?? records[0];
  return {
    kind: "sweep",
    folder,
    command: header?.command ?? null,
    started,
    ...header?.config && { config: header.config },
    environment,
    ...header?.longest && { longest: header.longest },
    ...header?.frontier && { frontier: header.frontier },
    ...header?.peers && { peers: header.peers },
    ...header?.reinvest && {
      reinvest: header.reinvest,
      reinvested: invested(records, header.reinvest).flatMap((one) => one.arms.map((arm) => armOf(one, arm))),
    },
    missing: header && missingCells(header, records).length,
    cells: compare(records).flatMap((comparison) =>
      [...comparison.cells.values()].map((cell) => summaryOf(cell, timedOf(comparison) ?? baseOf(comparison)))
    ),
  };
}

function summaryOf(cell: Cell, base: Cell): SweepSummary["cells"][number] {
  const { configuration, failure, memory } = cell;
  const { model, sequence, batch, policy } = configuration;
  const speed = cell.speedAgainst(base);
  return {
    model,
    sequence,
    batch,
    ...unusual(configuration),
    policy,
    status: failure?.status ?? "ok",
    message: failure?.message ?? null,
    wantedBytes: failure?.wantedBytes ?? null,
    rounds: cell.records.length,
    memory: memory && {
      savedBytes: memory.savedBytes,
      livePeakBytes: memory.livePeakBytes,
      bufferBytes: memory.bufferBytes,
      driverBytes: cell.driverBytes,
    },
    stepMilliseconds: cell.step?.median ?? null,
    tokensPerSecond: cell.tokensPerSecond,
    imagesPerSecond: cell.imagesPerSecond,
    speed: speed && { against: base.configuration.policy, ratio: speed.ratio, interval: speed.interval },
    quality: qualityOf(cell),
  };
}

function armOf(
  { found: { model, sequence, batch } }: Invested,
  arm: InvestedArm,
): z.infer<typeof armSummary> {
  const { policy, into, cell, speed, outcomes: { time, tokens } } = arm;
  const { configuration, records: [{ architecture }] } = cell;
  const failure = failureOf(arm);
  return {
    ...{ model, sequence, batch, policy },
    ...into && { into },
    size: { batch: configuration.batch, layers: architecture.layers, width: architecture.width },
    learningRate: configuration.learningRate,
    status: failure?.status ?? "ok",
    message: failure?.message ?? null,
    tokensPerSecond: cell.tokensPerSecond,
    speed: speed && { ratio: speed.ratio, interval: speed.interval },
    ...time && { equalTime: outcomeOf(time) },
    ...tokens && { equalTokens: outcomeOf(tokens) },
  };
}

function outcomeOf(
  { steps, time, tokens, losses: { difference }, verdict }: Outcome,
): z.infer<typeof outcomeSummary> {
  return {
    steps,
    time,
    tokens,
    lossDifference: difference && { mean: difference.mean, low: difference.low, high: difference.high },
    ...verdict && { verdict },
  };
}

function qualityOf({ qualities }: Cell): SweepSummary["cells"][number]["quality"] {
  const all = [...qualities.values()];
  if (all.length === 0) return null;
  const errors = all.flatMap(({ gradientErrors }) =>
    gradientErrors.map(({ overall }) => overall.relativeError)
  );
  return {
    seeds: all.length,
    validationLoss: meanOf(all.map(({ validationLoss }) => validationLoss)),
    validationTop1: meanOf(all.map(({ validationTop1 }) => validationTop1)),
    gradientError: meanOf(errors),
  };
}

/** The mean; null if there is nothing, or something is no number. */
function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 && known.length === values.length ? mean(known) : null;
}
