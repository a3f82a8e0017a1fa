import { markdownTable } from "markdown-table";
import type { Cell, Quality } from "./cell_rounds.ts";
import { ran, statusWords } from "../results/results.ts";
import { bytes, number, percentage, rarePercentage, ratio, spread } from "../../src/text/format.ts";
import {
  type BaseQuantity,
  bytesQuantity,
  type Comparison,
  type Lead,
  names,
  type Quantity,
  sideBySide,
  tokensOfStep,
} from "./side_by_side.ts";
import type { PairedRatio } from "../statistics/paired_ratio.ts";
import { mean, sampleStandardDeviation } from "../statistics/statistics.ts";
import { timedOf } from "./timed_cell.ts";

export const savedActivations = bytesQuantity("saved activations", (cell: Cell) => cell.memory?.savedBytes);

/** Saved activations as a multiple of `half`'s: who trains in 16 bits saves half of `exact`'s bytes without quantizing anything. */
export const savedAgainstHalf: Quantity<Cell> = {
  label: "saved, against half",
  show({ memory }, _, { cells }) {
    const half = cells.get("half")?.memory?.savedBytes;
    return memory && half ? ratio(memory.savedBytes / half) : null;
  },
};

const livePeak = bytesQuantity("live peak", (cell: Cell) => cell.memory?.livePeakBytes);

export const buffers = bytesQuantity("buffers", (cell: Cell) => cell.memory?.bufferBytes);

/** "0.980–0.984" */
export const between = ({ low, high }: { low: number; high: number }) =>
  `${low.toFixed(3)}–${high.toFixed(3)}`;

/** A paired ratio of speeds, and its interval in brackets: "0.982×", "(0.980–0.984)". */
export const speedWords = ({ ratio: value, interval }: PairedRatio): [value: string, remark: string] =>
  interval ? [`${value.toFixed(3)}×`, `(${between(interval)})`] : [ratio(value), "(no interval)"];

/** The paired ratio of speeds with its interval. */
export const speed: BaseQuantity<Cell> = {
  label: "speed",
  show(cell, base) {
    const speed = cell.speedAgainst(base);
    if (!speed || cell === base) return speed && ratio(1);
    return speedWords(speed).join(" ");
  },
};

const memory: Quantity<Cell>[] = [
  savedActivations,
  savedAgainstHalf,
  livePeak,
  bytesQuantity("of these block inputs", (cell) => cell.memory?.liveAtPeak.inputs || null),
  {
    label: "buffers",
    show(cell, base) {
      const text = buffers.show(cell, base);
      return text && cell.failure?.status === "oom" ? `${text}: ${statusWords.oom}` : text;
    },
  },
  bytesQuantity("driver", (cell) => cell.driverBytes),
];

const throughput: Quantity<Cell>[] = [
  { label: "tokens/s", show: ({ tokensPerSecond: speed }) => speed === null ? null : number(speed) },
  { label: "images/s", show: ({ imagesPerSecond: speed }) => speed === null ? null : number(speed) },
  {
    label: "step",
    show({ step, records }) {
      const times = records.flatMap(({ timing }) => timing?.stepMilliseconds ?? []).length;
      return step && spread(step.median, times > 1 ? step.deviation : null);
    },
  },
  {
    label: speed.label,
    show(cell, base, comparison) {
      const timed = timedOf(comparison);
      const others = [...comparison.cells.values()].filter((other) => other !== timed);
      const beside = timed && (timed === base || others.some((other) => other.speedAgainst(timed)));
      return beside ? speed.show(cell, timed) : null;
    },
  },
  {
    label: "clipped operands",
    show({ records }) {
      const shares = records.flatMap(({ overflowShare }) => overflowShare ?? []);
      return shares.length ? rarePercentage(mean(shares)) : null;
    },
  },
  { label: "dispatches", show: ({ dispatches }) => dispatches === null ? null : `${dispatches}` },
];

export const validationLoss: Quantity<Cell> = {
  label: "validation loss",
  show(cell, base) {
    const losses = measured(cell, (q) => q.validationLoss);
    if (typeof losses === "string" || losses === null) return losses;
    const text = overSeeds(losses, (loss) => loss.toFixed(4));
    const pairs = cell.pairedQualities(base).filter((pair) => pair.base.validationLoss !== null);
    if (cell === base || pairs.length === 0) return text;
    const sum = (of: "own" | "base") => pairs.reduce((total, pair) => total + pair[of].validationLoss!, 0);
    return `${text} (${percentage(sum("own") / sum("base") - 1, true)})`;
  },
};

export const clippedValues: Quantity<Cell> = {
  label: "clipped values",
  show(cell) {
    const shares = [...cell.qualities.values()].map((q) => q.clippedShare);
    return shares.length ? percentage(mean(shares)) : null;
  },
};

const quality: Quantity<Cell>[] = [
  validationLoss,
  {
    label: "top-1",
    show(cell) {
      if (cell.records[0].data.kind !== "images") return null;
      const shares = measured(cell, (q) => q.validationTop1);
      return typeof shares === "string" || shares === null
        ? shares
        : overSeeds(shares, (share) => percentage(share));
    },
  },
  clippedValues,
];

/** A quantity of each seed; null if no seed was trained, words if it is not a number for some. */
function measured(cell: Cell, value: (quality: Quality) => number | null): number[] | string | null {
  const all = [...cell.qualities.values()].map(value);
  if (all.length === 0) return null;
  const known = all.filter((one) => one !== null);
  if (known.length === all.length) return known;
  return all.length === 1
    ? "not a number"
    : `not a number (${all.length - known.length} of ${all.length} seeds)`;
}

/** The mean, and from two seeds on ± the standard deviation between them. */
function overSeeds(values: number[], show: (value: number) => string): string {
  const middle = show(mean(values));
  return values.length > 1 ? `${middle} ± ${show(sampleStandardDeviation(values))}` : middle;
}

/** Columns of the quality table: seeds where a cell has several, the unigram entropy where there are texts. */
function qualityLeads(comparisons: readonly Comparison<Cell>[]): Lead<Cell>[] {
  const cells = comparisons.flatMap((comparison) => [...comparison.cells.values()]);
  const leads: Lead<Cell>[] = [
    {
      header: "steps",
      show: (base) => `${Math.max(...base.records.map((r) => r.configuration.qualitySteps))}`,
    },
  ];
  if (cells.some((cell) => cell.qualities.size > 1)) leads.push({ header: "seeds", show: seedCount });
  if (cells.some(({ records: [{ data }] }) => data.kind === "text")) {
    leads.push({
      header: "unigram entropy",
      show: ({ records: [{ data }] }) => data.kind === "text" ? data.unigramEntropy.toFixed(4) : "–",
    });
  }
  return leads;
}

/** "3", or "2–3" where a cell failed before its last seed. */
function seedCount(_: Cell, { cells }: Comparison<Cell>): string {
  const counts = [...cells.values()].map((cell) => cell.qualities.size).filter((count) => count > 0);
  return [...new Set([Math.min(...counts), Math.max(...counts)])].join("–");
}

/** Why a cell has no value: how it ended early. One that ran, if only to diverge, has whatever there is to be had. */
const missing = ({ records }: Cell) => statusWords[records.find((record) => !ran(record))?.status ?? "ok"];

/** Memory by policy, as a markdown table; null if nothing was measured. */
export const memoryTable = (comparisons: readonly Comparison<Cell>[]) =>
  sideBySide(comparisons, memory, { missing });

/** Tokens and images per second, step time and speed by policy, as a markdown table; null if nothing was measured. */
export const throughputTable = (comparisons: readonly Comparison<Cell>[]) =>
  sideBySide(comparisons, throughput, { missing });

/** The pieces of the policies that take mini-sequences, as a markdown table; null if none ran. */
export function piecesTable(comparisons: readonly Comparison<Cell>[]): string | null {
  const rows = comparisons.flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, { pieces }]) => {
      if (!pieces) return [];
      const tokens = comparison.batch * comparison.sequence;
      const show = (size: number | null) => size === null ? "–" : size === tokens ? "all" : number(size);
      return [[...names(comparison), policy, show(pieces.mlp), show(pieces.head)]];
    })
  );
  if (rows.length === 0) return null;
  return markdownTable([["model", "tokens", "policy", "MLP", "head"], ...rows], {
    align: ["l", "r", "l", "r", "r"],
  });
}

/** Rounds of one cell whose steps differ by more than this factor were not timed under the same conditions. */
const disagreement = 1.1;

/**
 * The steps of each round where a cell's rounds on a GPU disagree, as a markdown table and what to do about it; null if none do. A software
 * adapter's times are no result, so they are left alone.
 */
export function disagreementTable(comparisons: readonly Comparison<Cell>[]): string | null {
  const rows = comparisons.flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, cell]) => {
      const steps = [...cell.stepByRound.values()];
      const agree = steps.length === 0 || Math.max(...steps) <= disagreement * Math.min(...steps);
      if (agree || cell.records[0].environment.adapterClass === "software") return [];
      const tokens = tokensOfStep(comparison);
      return [[
        ...names(comparison),
        policy,
        steps.map((ms) => `${Number(ms.toPrecision(3))} ms`).join(", "),
        steps.map((ms) => number(1000 * tokens / ms)).join(", "),
      ]];
    })
  );
  if (rows.length === 0) return null;
  const table = markdownTable(
    [["model", "tokens", "policy", "step by round", "tokens/s by round"], ...rows],
    {
      align: ["l", "r", "l", "r", "r"],
    },
  );
  return `${table}\n\nThe tables above take all rounds together. A slower round was timed on a card that had not left its idle clock, or that ` +
    "did other work too: run again, with `--precision` or more `--rounds`.";
}

/** Validation loss and top-1 by policy, over the seeds, as a markdown table; null if nothing was measured. */
export const qualityTable = (comparisons: readonly Comparison<Cell>[]) =>
  sideBySide(comparisons, quality, { leads: qualityLeads(comparisons), missing });

/** The cells that did not end well and the first line of what they said, as a markdown table; null if there are none. */
export function failureTable(comparisons: readonly Comparison<Cell>[]): string | null {
  const rows = comparisons.flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, { failure }]) => {
      if (!failure) return [];
      const wanted = failure.wantedBytes === null ? "–" : bytes(failure.wantedBytes);
      return [[
        ...names(comparison),
        policy,
        statusWords[failure.status],
        wanted,
        failure.message?.split("\n")[0].replaceAll("|", "\\|"),
      ]];
    })
  );
  if (rows.length === 0) return null;
  return markdownTable([["model", "tokens", "policy", "", "bytes wanted", "message"], ...rows], {
    align: ["l", "r", "l", "l", "r", "l"],
  });
}
