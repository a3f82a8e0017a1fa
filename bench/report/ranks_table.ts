import { markdownTable } from "markdown-table";
import { bytes, percentage, ratio, wholePercentage } from "../../src/text/format.ts";
import { describeChoices, unusual } from "../../src/train/step_choices.ts";
import type { CellRecord, RankReport } from "../results/results.ts";
import { mean } from "../statistics/statistics.ts";
import { sharedCards } from "../processes/shared_cards.ts";
import type { Cell } from "./cell_rounds.ts";
import { subject } from "./savings.ts";
import { type Comparison, names } from "./side_by_side.ts";
import { code } from "./words.ts";

/** In words, how the steps of ranks compute and update, and what they keep parts of; the rest is told beside it. */
const besideRanks = ({ comparison: { choices = {} }, cell }: Shared) =>
  describeChoices({
    ...choices,
    arithmetic: cell.configuration.arithmetic,
    accumulate: 1,
    ranks: 1,
    spread: "sequence",
  });

/** What ranks took of the steps that they shared. */
export interface RanksTaken {
  /** Bytes of buffers, by rank. */
  readonly bufferBytes: readonly number[];
  /** Shares of a step, means over steps and ranks; `compute` is the rest, null where map has some of it. */
  readonly compute: number | null;
  readonly map: number;
  readonly transfer: number;
  readonly write: number;
  /** Bytes that left all cards together in a step. */
  readonly crossed: number;
}

/** A cell that several ranks ran, beside the same on one. */
interface Shared {
  readonly comparison: Comparison<Cell>;
  readonly policy: string;
  readonly cell: Cell;
  readonly taken: RanksTaken;
  /** The cell of one rank, where the report has it. */
  readonly one?: Cell;
}

const parts = ["map", "transfer", "write"] as const;

/** What exchanges took of each timed step of each rank, and how long that step was. */
export const timedExchanges = ({ records }: Cell) =>
  records.flatMap(({ ranks = [], timing }) =>
    ranks.flatMap(({ exchanges }) =>
      exchanges.map((times, i) => ({ ...times, step: timing!.stepMilliseconds[i] }))
    )
  );

/** What the ranks of a cell took; null where it was not run by several, or did not come to its end. */
function ranksTaken(cell: Cell): RanksTaken | null {
  const { records } = cell;
  const steps = timedExchanges(cell);
  const first = records.find(({ ranks }) => ranks)?.ranks;
  if (!first || steps.length === 0) return null;
  const [map, transfer, write] = parts.map((part) => mean(steps.map((times) => times[part] / times.step)));
  const apart = steps.every(({ compute }) => compute != null);
  return {
    bufferBytes: first.map(({ bufferBytes }) => bufferBytes),
    ...{ map, transfer, write, compute: apart ? Math.max(0, 1 - map - transfer - write) : null },
    crossed: first.length * mean(steps.map(({ bytes }) => bytes)),
  };
}

/** The cells that several ranks ran, in the order of the report. */
function sharedCells(comparisons: readonly Comparison<Cell>[]): Shared[] {
  return comparisons.flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, cell]) => {
      const taken = ranksTaken(cell);
      return taken
        ? [{ comparison, policy, cell, taken, one: oneRank(comparison, comparisons, policy) }]
        : [];
    })
  );
}

/** The same cell on one rank. */
function oneRank(
  comparison: Comparison<Cell>,
  all: readonly Comparison<Cell>[],
  policy: string,
): Cell | undefined {
  const keyOf = ({ model, sequence, batch, choices }: Comparison<Cell>) =>
    JSON.stringify([
      model,
      sequence,
      batch,
      unusual({ ...choices, ranks: 1, spread: "sequence", sharding: "none" }),
    ]);
  const found = all.find((other) => !other.choices?.ranks && keyOf(other) === keyOf(comparison));
  return found?.cells.get(policy);
}

/** Speed as a share of so many ranks' as fast as the one; null where that was not timed. */
function efficiency({ cell, one, taken }: Shared): number | null {
  const [own, alone] = [cell.tokensPerSecond, one?.tokensPerSecond ?? null];
  return own === null || alone === null ? null : own / (taken.bufferBytes.length * alone);
}

/** Memory, step time by part and efficiency of cells that several ranks ran, as a markdown table; null where there are none. */
export function ranksSection(comparisons: readonly Comparison<Cell>[]): string | null {
  const shared = sharedCells(comparisons);
  if (shared.length === 0) return null;
  const header = [
    "model",
    "tokens",
    "policy",
    "buffers by rank",
    "computing",
    ...parts,
    "crossed",
    "efficiency",
  ];
  const rows = shared.map((each) => {
    const { comparison, policy, taken } = each;
    const speed = efficiency(each);
    return [
      ...names(comparison),
      [policy, ...besideRanks(each)].join(", "),
      memory(each),
      taken.compute === null ? "in map" : percentage(taken.compute),
      ...parts.map((part) => percentage(taken[part])),
      bytes(taken.crossed),
      speed === null ? "–" : ratio(speed),
    ];
  });
  const table = markdownTable([header, ...rows], {
    align: ["l", "r", "l", ...header.slice(3).map(() => "r")],
  });
  const cards = shared.flatMap(({ cell: { records } }) => records.flatMap(ranksOf)).map(sharedCards).flat();
  return [
    table,
    "Shares of a step, means over ranks and steps: **map** until what leaves is with the host, **transfer** by MPI, the wait for slower ranks " +
    "included, **write** back; **computing** is the rest, without what is computed beside an exchange. **Crossed**: bytes that left all cards in a step. **Efficiency**: speed as a multiple of " +
    "that of so many ranks, each as fast as one alone.",
    ...[...new Set(cards)].map((sentence) => `**${sentence}.**`),
  ].join("\n\n");
}

const ranksOf = ({ ranks }: CellRecord): (readonly RankReport[])[] => ranks ? [ranks] : [];

/** "0.62×" of the buffers that one rank has, after what the ranks have: the least and the most. */
function memory({ taken: { bufferBytes }, one }: Shared): string {
  const [least, most] = [Math.min(...bufferBytes), Math.max(...bufferBytes)];
  const range = least === most ? bytes(most) : `${bytes(least)}–${bytes(most)}`;
  const alone = one?.memory?.bufferBytes;
  return alone ? `${range} (${ratio(most / alone)})` : range;
}

/** What sharing a step saves and costs, in a sentence for each cell; a software adapter's times are none. */
export function ranksSentences(comparisons: readonly Comparison<Cell>[]): string[] {
  return sharedCells(comparisons).map((each) => {
    const { comparison, policy, cell, taken, one } = each;
    const alone = one?.memory?.bufferBytes;
    const most = Math.max(...taken.bufferBytes);
    const isTimed = cell.records[0].environment.adapterClass !== "software";
    const speed = efficiency(each);
    const clauses = [
      alone
        ? `each rank takes at most **${ratio(most / alone)}** of the buffers of one`
        : `each rank takes at most ${bytes(most)} of buffers`,
      `${bytes(taken.crossed)} cross in a step`,
      ...isTimed && taken.compute !== null
        ? [`exchange is **${wholePercentage(1 - taken.compute)}** of it`]
        : [],
      ...isTimed && speed !== null
        ? [`the efficiency is **${ratio(speed)}**${cell.stepByRound.size === 1 ? ", of one round" : ""}`]
        : [],
    ];
    const what = [subject({ comparison }), ...besideRanks(each)].join(", ");
    return `${code(policy)} (${what}): ${clauses.join(", ")}.`;
  });
}
