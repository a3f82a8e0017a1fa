import { markdownTable } from "markdown-table";
import { bytes } from "../../src/text/format.ts";
import { inlineCode } from "../../src/text/shell.ts";
import { adapterTitle, type CellRecord } from "../results/results.ts";
import type { Told } from "../results/run_header.ts";
import { answers } from "./answers.ts";
import { type Cell, compare, withoutNull } from "./cell_rounds.ts";
import { sections, softwareBrand } from "./report.ts";
import { baseName } from "./savings.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { isSettled, speedText } from "./speeds.ts";
import { code } from "./words.ts";

/**
 * A report for a page that shows no picture, such as the summary of a workflow: its sentences, bars of text, then the tables. Needs at least
 * one record.
 */
export function renderSummary(records: readonly CellRecord[], told: Told = {}): string {
  const { environment } = records[0];
  const comparisons = compare(records);
  const drawn = withoutNull(comparisons);
  const step = stepOf(drawn);
  return [
    `# Headroom on ${adapterTitle(environment)}`,
    ...environment.adapterClass === "software" ? [`A ${softwareBrand}.`] : [],
    answers(records, comparisons, told),
    ...drawn.map((comparison) => bars(comparison, step)),
    ...step === null ? [] : [
      `How much slower or faster than ${
        code(baseName(comparisons))
      }: ${sure} for certain, ${open} as far as the 95% interval ` +
      `reaches, or all of it where there is none; a character for each ${100 * step}%.`,
    ],
    ...sections(records, told).map(({ title, table }) =>
      `<details><summary>${title}</summary>\n\n${table}\n\n</details>`
    ),
  ].join("\n\n") + "\n";
}

/** Memory of each policy as a bar, against the largest, and its speed as one that begins at the base's. */
function bars(comparison: Comparison<Cell>, step: number | null): string {
  const cells = [...comparison.cells];
  const base = baseOf(comparison);
  const most = Math.max(...cells.map(([, { memory }]) => memory?.bufferBytes ?? 0));
  const rows = cells.map(([policy, cell]) => {
    const memory = cell.memory?.bufferBytes ?? null;
    return [
      inlineCode(policy),
      memory === null ? "–" : `${bar(memory / most)} ${bytes(memory)}`,
      speedText(cell, base),
      ...step === null ? [] : distanceBars(cell, base, step),
    ];
  });
  const [model, tokens] = names(comparison);
  const header = ["policy", "buffers", "speed", ...step === null ? [] : ["slower", "faster"]];
  const align = ["l", "l", "r", "r", "l"].slice(0, header.length);
  return `**${model}, ${tokens}**\n\n${markdownTable([header, ...rows], { align })}`;
}

const widest = 20;

/** A share of the widest bar, to an eighth of a character. */
function bar(share: number): string {
  const eighths = Math.round(8 * widest * share);
  const rest = eighths % 8;
  return "█".repeat(eighths >> 3) + (rest > 0 ? String.fromCodePoint(0x2590 - rest) : "");
}

/** Characters of a bar of speed at most. */
const furthest = 30;

/** What a bar of speed is made of: what lies between 1 and its interval, and the interval. */
const [sure, open] = ["█", "░"];

/** How far a speed lies from 1, as shares, from where it begins to be open; null of the base, and where it is not known or not settled. */
function distanceOf(cell: Cell, base: Cell): { slower: [number, number]; faster: [number, number] } | null {
  const speed = cell === base ? null : cell.speedAgainst(base);
  if (!speed || speed.interval && !isSettled(speed)) return null;
  const [low, high] = speed.interval
    ? [speed.interval.low, speed.interval.high]
    : [Math.min(1, speed.ratio), Math.max(1, speed.ratio)];
  return {
    slower: [Math.max(0, 1 - high), Math.max(0, 1 - low)],
    faster: [Math.max(0, low - 1), Math.max(0, high - 1)],
  };
}

/** What a character of a bar of speed stands for: 0.5%, or as much more as the longest wants; null where there is none. */
function stepOf(comparisons: readonly Comparison<Cell>[]): number | null {
  const distances = comparisons.flatMap((comparison) =>
    [...comparison.cells.values()].flatMap((cell) => distanceOf(cell, baseOf(comparison)) ?? [])
  );
  if (distances.length === 0) return null;
  const longest = Math.max(...distances.flatMap(({ slower, faster }) => [slower[1], faster[1]]));
  return [0.005, 0.01, 0.02, 0.05].find((step) => longest <= furthest * step) ?? 0.1;
}

/** The bars of a speed: one grows to the left from the column's end, the other to the right. */
function distanceBars(cell: Cell, base: Cell, step: number): string[] {
  const distance = distanceOf(cell, base);
  if (!distance) return ["", ""];
  const [slower, faster] = [distance.slower, distance.faster].map((ends) => {
    const [begin, end] = ends.map((share) => Math.min(furthest, Math.round(share / step)));
    return [sure.repeat(begin), open.repeat(end - begin)];
  });
  return [slower.toReversed().join(""), faster.join("")];
}
