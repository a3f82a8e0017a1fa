import { markdownTable } from "markdown-table";
import type { Cell } from "./cell_rounds.ts";
import { bytes, number, percentage, ratio, spread } from "./format.ts";
import {
  bytesQuantity,
  type Comparison,
  type Lead,
  names,
  type Quantity,
  sideBySide,
} from "./side_by_side.ts";

const memory: Quantity<Cell>[] = [
  bytesQuantity("saved activations", (cell) => cell.memory?.savedBytes),
  bytesQuantity("live peak", (cell) => cell.memory?.livePeakBytes),
  bytesQuantity("buffers", (cell) => cell.memory?.bufferBytes),
  bytesQuantity("driver", (cell) => cell.driverBytes),
];

const throughput: Quantity<Cell>[] = [
  { label: "tokens/s", show: ({ tokensPerSecond: speed }) => speed === null ? null : number(speed) },
  {
    label: "step",
    show: ({ step }) => step && spread(step.median, step.deviation),
  },
  {
    label: "speed",
    show(cell, base) {
      const speed = cell.speedAgainst(base);
      if (!speed || cell === base) return speed && ratio(1);
      return ratio(speed.median) +
        (speed.rounds > 1 ? ` (${speed.low.toFixed(2)}–${speed.high.toFixed(2)})` : "");
    },
  },
];

const quality: Quantity<Cell>[] = [
  {
    label: "validation loss",
    show(cell, base) {
      if (!cell.quality) return null;
      const [loss, other] = [cell.quality.validationLoss, base.quality?.validationLoss];
      if (loss === null) return "not a number";
      return loss.toFixed(4) +
        (cell === base || other == null ? "" : ` (${percentage(loss / other - 1, true)})`);
    },
  },
  { label: "clipped values", show: (cell) => cell.quality && percentage(cell.quality.clippedShare) },
];

const qualityLeads: Lead<Cell>[] = [
  { header: "steps", show: (base) => `${base.records[0].configuration.qualitySteps}` },
  { header: "unigram entropy", show: (base) => base.records[0].data.unigramEntropy.toFixed(4) },
];

const statusWords = { ok: "–", oom: "out of memory", error: "failed", timeout: "timed out" };
const missing = (cell: Cell) => statusWords[cell.failure?.status ?? "ok"];

/** Memory by policy, as a markdown table; null if nothing was measured. */
export const memoryTable = (comparisons: readonly Comparison<Cell>[]) =>
  sideBySide(comparisons, memory, { missing });

/** Tokens per second, step time and speed by policy, as a markdown table; null if nothing was measured. */
export const throughputTable = (comparisons: readonly Comparison<Cell>[]) =>
  sideBySide(comparisons, throughput, { missing });

/** Validation loss by policy, as a markdown table; null if nothing was measured. */
export const qualityTable = (comparisons: readonly Comparison<Cell>[]) =>
  sideBySide(comparisons, quality, { leads: qualityLeads, missing });

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
