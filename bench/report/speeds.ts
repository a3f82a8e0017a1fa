import { ratio } from "../../src/text/format.ts";
import type { PairedRatio } from "../statistics/paired_ratio.ts";
import type { Cell } from "./cell_rounds.ts";
import type { Comparison } from "./side_by_side.ts";
import { between, speed } from "./tables.ts";
import { pairsOf, range } from "./words.ts";

/** Whether an interval says of a ratio what it nearly is. */
export const isSettled = ({ interval }: PairedRatio): boolean =>
  interval !== null && interval.high <= 1.1 * interval.low;

/** A policy's speed beside its base's: "0.982× (0.980–0.984)", without a ratio where its interval settles none. */
export function speedText(cell: Cell, base: Cell): string {
  const paired = cell.speedAgainst(base);
  if (paired?.interval && !isSettled(paired)) return `not settled (${between(paired.interval)})`;
  return speed.show(cell, base) ?? "–";
}

/** "0.93–0.98×": the settled speeds of a policy against `exact`'s; null without one. */
export function speedRange(comparisons: readonly Comparison<Cell>[], policy: string): string | null {
  const settled = pairsOf(comparisons, policy).flatMap(({ own, base }) => {
    const paired = own.speedAgainst(base);
    return paired && isSettled(paired) ? [paired.ratio] : [];
  });
  return settled.length ? range(settled, ratio) : null;
}
