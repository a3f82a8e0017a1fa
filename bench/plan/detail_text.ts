import { markdownTable } from "markdown-table";
import { categoryName } from "../../src/memory/category.ts";
import { bytes, plural, ratio } from "../../src/text/format.ts";
import { lineWidth, printable } from "../report/terminal.ts";
import { type LiveStep } from "./live_step.ts";
import type { LowerPeak, PlannedOptions } from "./lower_peak.ts";
import { smallerModel } from "./smaller.ts";
import type { StepDetail } from "./step_detail.ts";
import { strip } from "./strip.ts";

/** What is live over a step and at its peak, and what would lower that, for a terminal or as markdown. */
export function detailText(
  step: LiveStep,
  { kernels, tensors, lower }: StepDetail,
  options: PlannedOptions,
): string {
  const { dispatches, peak } = step;
  const each = `${plural(dispatches, "dispatch", "dispatches")} of a ${
    (options.accumulate ?? 1) > 1 ? "micro-batch" : "step"
  }`;
  const variants = Object.entries(kernels).map(([kernel, variants]) => `${kernel} ${variants}`).join("; ");
  return [
    printable(
      `Live over the ${each}, from the first to the last; every line on its own scale, after its highest:`,
    ),
    strip(step, lineWidth()),
    printable(tensorsTable(tensors, peak.bytes)),
    ...lower.choices.length ? [printable(lowerTable(lower, peak.bytes))] : [],
    printable(lowerSentence(lower, peak.bytes, options)),
    printable(`Variants assumed: ${variants}.`),
  ].join("\n\n");
}

/** Tensors that the table of the largest has at least, and the share of the peak that is enough to tell. */
const [fewestTensors, enough] = [10, 0.9];

/** How many of the largest tensors are told: beyond the fewest as many as it takes to tell most of the peak, or something of every category. */
export function toldTensors(tensors: StepDetail["tensors"], livePeakBytes: number): StepDetail["tensors"] {
  const categories = new Set(tensors.map(({ category }) => category)).size;
  const suffices = (count: number) => {
    const told = tensors.slice(0, count);
    return told.reduce((sum, { bytes }) => sum + bytes, 0) >= enough * livePeakBytes ||
      new Set(told.map(({ category }) => category)).size === categories;
  };
  let count = fewestTensors;
  while (count < tensors.length && !suffices(count)) count++;
  return tensors.slice(0, count);
}

/** A table of what is live at the peak, the largest first. */
function tensorsTable(tensors: StepDetail["tensors"], livePeakBytes: number): string {
  const shown = toldTensors(tensors, livePeakBytes);
  const rows = shown.map(({ name, shape, dtype, category, blocks, count, bytes: all }) => [
    name,
    bytes(all),
    categoryName(category),
    inRuns(blocks),
    `${count > 1 ? `${count} of ` : ""}${shape.join(" × ")} ${dtype}`,
  ]);
  const rest = livePeakBytes - shown.reduce((sum, { bytes }) => sum + bytes, 0);
  const last = rest > 0 ? [["all others", bytes(rest), "", "", ""]] : [];
  return markdownTable([["live at the peak", "bytes", "", "block", "shape"], ...rows, ...last], {
    align: ["l", "r", "l", "r", "r"],
  });
}

/** "0–3, 7" */
function inRuns(blocks: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const block of new Set(blocks)) {
    const last = runs.at(-1);
    if (last && last[1] === block - 1) last[1] = block;
    else runs.push([block, block]);
  }
  return runs.map(([first, last]) => first === last ? `${first}` : `${first}–${last}`).join(", ");
}

/** A sentence: what would lower the peak most, and what then. */
function lowerSentence(
  { choices: [most], next }: LowerPeak,
  livePeakBytes: number,
  options: PlannedOptions,
): string {
  const told = (bytesThen: number) => `${bytes(bytesThen)} (${ratio(bytesThen / livePeakBytes)})`;
  if (!most) {
    return "Nothing that plan knows of would lower the peak: no preset, format, update in backward or micro-batch; " +
      `take ${smallerModel(options)}.`;
  }
  const then = next
    ? `; with it, \`${next.choice}\` next, to ${told(next.livePeakBytes)}`
    : "; with it, nothing more does";
  return `What lowers the peak next: \`${most.choice}\`, to ${told(most.livePeakBytes)}${then}.`;
}

/** A table of what would lower the peak, choice by choice. */
function lowerTable({ choices }: LowerPeak, livePeakBytes: number): string {
  const rows = choices.map(({ choice, livePeakBytes: then }) => [
    `\`${choice}\``,
    bytes(then),
    ratio(then / livePeakBytes),
  ]);
  return markdownTable([["by itself", "live peak", ""], ...rows], { align: ["l", "r", "r"] });
}
