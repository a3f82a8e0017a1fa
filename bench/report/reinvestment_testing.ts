import { modelConfig } from "../../src/models/model_config.ts";
import { type CellConfiguration, type CellRecord, failed } from "../results/results.ts";
import type { Reinvestment } from "../results/run_header.ts";
import { fakeConfiguration, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";

const MiB = 2 ** 20;
const size = (policy: string, into: "batch" | "depth" | "width", size: number, wanted: number | null) => ({
  ...{ policy, into, size, bufferBytes: size ? 9 * MiB : null },
  next: { size: size + 1, wantedBytes: wanted },
});
/** What `mesa8` affords in `exact`'s memory, for tests. */
export const found: Reinvestment = {
  ...{ model: "nano", sequence: 128, batch: 4, budgetBytes: 10 * MiB },
  found: [
    size("mesa8", "batch", 8, 11 * MiB),
    size("mesa8", "depth", 3, 12 * MiB),
    size("mesa8", "width", 0, null),
  ],
};

type Reinvested = NonNullable<CellConfiguration["reinvested"]>;
const base = { model: "nano", batch: 4 };
export const seeds = [0, 1, 2];

/** A policy at one size, for tests. */
export interface Arm {
  policy: string;
  reinvested?: Reinvested;
  layers?: number;
  milliseconds: number;
  losses: (number | null)[];
  steps?: number;
  batch?: number;
}

/** A record for each seed, that took so long a step. */
export const recordsOf = (
  { policy, reinvested, layers = 2, milliseconds, losses, steps = 100, batch = 4 }: Arm,
) =>
  seeds.map((round) => {
    const model = layers === 2 ? "nano" : `nano-${layers}-layers`;
    const record = fakeRecord({
      ...fakeConfiguration({ policy }),
      ...layers > 2 && { modelDocument: { ...modelConfig("nano"), name: model, layers } },
      ...{
        model,
        batch,
        round,
        seed: round + 1,
        qualitySteps: steps,
        learningRate: 0.001 * Math.sqrt(batch / 4),
      },
      ...reinvested && { reinvested },
    }, {
      timing: { ...fakeMeasurement().timing!, stepMilliseconds: [milliseconds] },
      quality: fakeQuality(losses[round]),
    });
    return { ...record, architecture: { ...record.architecture, layers } } as CellRecord;
  });

const pace = (own: number) => ({ exact: 10, own });
export const exact: Arm = { policy: "exact", milliseconds: 10, losses: [3, 3.1, 3.05] };
export const arms: Arm[] = [
  { policy: "mesa8", milliseconds: 12.5, losses: [3.01, 3.1, 3.06] },
  {
    policy: "mesa8",
    milliseconds: 12.5,
    losses: [3.11, 3.2, 3.16],
    steps: 80,
    reinvested: { ...base, pace: pace(12.5) },
  },
  // A larger batch: 16 ms for twice the tokens, and clearly worse in equal tokens.
  {
    policy: "mesa8",
    milliseconds: 16,
    losses: [3.3, 3.41, 3.35],
    steps: 50,
    batch: 8,
    reinvested: { ...base, into: "batch" },
  },
  {
    ...{ policy: "mesa8", milliseconds: 16, losses: [3.1, 2.9, 3.2], steps: 63, batch: 8 },
    reinvested: { ...base, into: "batch", pace: pace(16) },
  },
  // A deeper model: clearly better in both.
  {
    policy: "mesa8",
    milliseconds: 20,
    losses: [2.8, 2.9, 2.851],
    layers: 3,
    reinvested: { ...base, into: "depth" },
  },
  {
    ...{ policy: "mesa8", milliseconds: 20, losses: [2.9, 3.001, 2.95], steps: 50, layers: 3 },
    reinvested: { ...base, into: "depth", pace: pace(20) },
  },
];
export const learnt = (record: CellRecord): CellRecord => ({
  ...record,
  data: {
    ...record.data,
    unigramEntropy: 3.25,
    baseline: { rule: "bigram", loss: 3.2 },
  } as CellRecord["data"],
});
/** `exact`, and `mesa8` at its size, with a larger batch, and deeper: in equal tokens and in equal time. */
export const records = [exact, ...arms].flatMap(recordsOf).map(learnt);
export const told = { reinvest: [found] };

/** A record whose process came to no end. */
export const failing = (record: CellRecord, status: CellRecord["status"] = "timeout"): CellRecord => ({
  ...record,
  ...failed(status, "no answer in 60 s"),
});

/** The rows of a text's table, of the one whose heading is told. */
export const rowsUnder = (text: string, heading: RegExp): string[][] => {
  const block = text.split("\n\n").find((part) => heading.test(part))!;
  return block.split("\n").slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
};
