import { fewestPairs } from "../statistics/paired_ratio.ts";
import type { Cell } from "./cell_rounds.ts";
import type { Comparison } from "./side_by_side.ts";
import { subject } from "./savings.ts";
import { code, list } from "./words.ts";

/** A policy that another beats in speed and memory together, and where. */
interface Defeat {
  policy: string;
  by: string;
  comparison: Comparison<Cell>;
}

/** At most so many that beat one policy are named. */
const named = 3;

/**
 * Which policies another beats: one that takes no more buffers and is faster, beyond the interval of their speeds in the same rounds. Null
 * where no comparison holds two policies that were timed in rounds enough for an interval.
 */
export function dominance(comparisons: readonly Comparison<Cell>[]): string | null {
  const contests = comparisons.map((comparison) => ({
    comparison,
    cells: [...comparison.cells].filter(isKnown),
  }))
    .filter(({ cells }) => cells.length > 1);
  if (contests.length === 0) return null;
  const defeats = contests.flatMap(({ comparison, cells }) =>
    cells.flatMap(([policy, cell]) =>
      cells.filter(([, other]) => beats(other, cell)).map(([by]): Defeat => ({ policy, by, comparison }))
    )
  );
  const byPolicy = Map.groupBy(defeats, ({ policy }) => policy);
  const everywhere = (policy: string, by: string) =>
    contests.filter(({ cells }) => [policy, by].every((name) => cells.some(([own]) => own === name))).length;
  const beaten = [...byPolicy].map(([policy, of]) => {
    const winners = [...Map.groupBy(of, ({ by }) => by)].toSorted(([, a], [, b]) => b.length - a.length);
    const told = winners.slice(0, named).map(([by, where]) =>
      where.length === everywhere(policy, by) ? code(by) : `${code(by)} (${where.map(subject).join("; ")})`
    );
    const more = winners.length > named ? [`${winners.length - named} more`] : [];
    return `${code(policy)} by ${list([...told, ...more])}`;
  });
  return beaten.length
    ? `Beaten in memory and speed together: ${beaten.join("; ")}; no other policy is.`
    : "No policy is beaten by another in memory and speed together.";
}

/** Whether a cell can beat and be beaten: what failed and a software adapter's times are no result. */
export const isKnown = ([, cell]: [string, Cell]) =>
  cell.memory !== null && !cell.failure && cell.stepByRound.size >= fewestPairs &&
  cell.records[0].environment.adapterClass === "gpu";

/** Whether one cell takes no more memory than another and is faster for certain. */
function beats(one: Cell, other: Cell): boolean {
  const speed = one.speedAgainst(other);
  return one !== other && speed?.interval != null && speed.interval.low > 1 &&
    one.memory!.bufferBytes <= other.memory!.bufferBytes;
}
