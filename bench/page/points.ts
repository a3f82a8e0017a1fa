import { type Cell, compare } from "../report/cell_rounds.ts";
import { gradientError } from "../report/gradient_tables.ts";
import { costAtMost, pairedLosses } from "../report/parity.ts";
import { baseOf, type Comparison, names } from "../report/side_by_side.ts";
import { mean } from "../statistics/statistics.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { describeChoices } from "../../src/train/step_choices.ts";
import type { SweepResults } from "../results/read_results.ts";
import { adapterTitle, type CellRecord, statusWords } from "../results/results.ts";

/** A number that a point may have: a column of the table, and an axis of the chart. */
interface Quantity {
  field: string;
  title: string;
  /** Digits after the point. */
  decimals: number;
  value(cell: Cell, base: Cell): number | null | undefined;
}

const mebibytes = (bytes: number | null | undefined) => bytes == null ? null : bytes / 2 ** 20;
const share = (own: number | null | undefined, base: number | null | undefined) =>
  own && base ? own / base : null;

/** The mean of what training runs left; null if one of them is no number. */
function overSeeds(
  cell: Cell,
  value: (quality: NonNullable<CellRecord["quality"]>) => number | null,
): number | null {
  const values = [...cell.qualities.values()].map(value);
  return values.length && values.every((one) => one !== null) ? mean(values as number[]) : null;
}

export const quantities: Quantity[] = [
  {
    field: "memoryShare",
    title: "buffers, of exact's",
    decimals: 3,
    value: (own, base) => share(own.memory?.bufferBytes, base.memory?.bufferBytes),
  },
  {
    field: "savedShare",
    title: "saved activations, of exact's",
    decimals: 3,
    value: (own, base) => share(own.memory?.savedBytes, base.memory?.savedBytes),
  },
  {
    field: "speed",
    title: "speed, of exact's",
    decimals: 3,
    value: (own, base) => own.speedAgainst(base)?.ratio,
  },
  {
    field: "buffers",
    title: "buffers, MiB",
    decimals: 1,
    value: (own) => mebibytes(own.memory?.bufferBytes),
  },
  {
    field: "peak",
    title: "live peak, MiB",
    decimals: 1,
    value: (own) => mebibytes(own.memory?.livePeakBytes),
  },
  {
    field: "saved",
    title: "saved activations, MiB",
    decimals: 1,
    value: (own) => mebibytes(own.memory?.savedBytes),
  },
  { field: "driver", title: "driver, MiB", decimals: 0, value: (own) => mebibytes(own.driverBytes) },
  { field: "tokens", title: "tokens/s", decimals: 0, value: (own) => own.tokensPerSecond },
  { field: "images", title: "images/s", decimals: 0, value: (own) => own.imagesPerSecond },
  { field: "step", title: "step, ms", decimals: 3, value: (own) => own.step?.median },
  {
    field: "loss",
    title: "validation loss",
    decimals: 4,
    value: (own) => overSeeds(own, (q) => q.validationLoss),
  },
  {
    field: "lossAtMost",
    title: "loss above exact's at most, %",
    decimals: 2,
    value(own, base) {
      const parity = own === base ? null : pairedLosses(own, base);
      const cost = parity && costAtMost(parity);
      return cost && 100 * cost.share;
    },
  },
  {
    field: "top1",
    title: "top-1, %",
    decimals: 2,
    value: (own) => percent(overSeeds(own, (q) => q.validationTop1)),
  },
  { field: "gradientError", title: "gradient error", decimals: 5, value: gradientError },
  {
    field: "sequence",
    title: "tokens of a sequence",
    decimals: 0,
    value: (own) => own.configuration.sequence,
  },
];

const percent = (fraction: number | null) => fraction === null ? null : 100 * fraction;

/** A cell over its rounds, as the page shows it. */
export interface Point {
  /** Its place in the list. */
  id: number;
  model: string;
  size: string;
  policy: string;
  adapter: string;
  report: string;
  date: string;
  status: string;
  /** The quantities that were measured, by field; and the interval of the speed. */
  numbers: Record<string, number>;
  /** Places of its records in the list of all. */
  records: number[];
}

/** What a folder gives to the page. */
export interface Source {
  cells: { point: Omit<Point, "id" | "records">; records: object[] }[];
  /** Documents of the policies; null for what is none of Headroom's. */
  policies: Map<string, PolicyDocument | null>;
}

/** Every cell of some folders, and all their records. */
export function pointsOf(sources: readonly Source[]): { points: Point[]; records: object[] } {
  const cells = sources.flatMap((source) => source.cells);
  const records = cells.flatMap((cell) => cell.records);
  const places = new Map(records.map((record, place) => [record, place]));
  const points = cells.map((cell, id) => ({
    ...{ ...cell.point, id },
    records: cell.records.map((record) => places.get(record)!),
  }));
  return { points, records };
}

/** Only the numbers that there are. */
export const known = (numbers: Record<string, number | null | undefined>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(numbers).flatMap(([field, value]) => value == null ? [] : [[field, value]]),
  );

/** A sweep's cells. */
export function sweepSource(folder: string, { header, records }: SweepResults): Source {
  return {
    cells: compare(records).flatMap((comparison) =>
      [...comparison.cells.values()].map((cell) => ({
        point: pointOf(folder, header?.started, comparison, cell),
        records: [...cell.records],
      }))
    ),
    policies: new Map(records.map(({ configuration: { policy, storage } }) => [policy, storage])),
  };
}

function pointOf(
  folder: string,
  started: string | undefined,
  comparison: Comparison<Cell>,
  cell: Cell,
): Omit<Point, "id" | "records"> {
  const [first] = cell.records;
  const [model, tokens] = names(comparison);
  const { accumulate: _, ...choices } = cell.configuration;
  const size = [tokens, ...describeChoices(choices)].join(", ");
  const base = baseOf(comparison);
  const interval = cell === base ? null : cell.speedAgainst(base)?.interval;
  return {
    ...{ model, size, policy: cell.configuration.policy, adapter: adapterTitle(first.environment) },
    ...{ report: folder, date: (started ?? first.started).slice(0, 10) },
    status: statusWords[cell.failure?.status ?? "ok"],
    numbers: known({
      ...Object.fromEntries(quantities.map(({ field, value }) => [field, value(cell, base)])),
      ...{ speedLow: interval?.low, speedHigh: interval?.high },
    }),
  };
}
