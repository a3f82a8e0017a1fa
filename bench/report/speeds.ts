import { ratio } from "../../src/text/format.ts";
import type { Cell } from "./cell_rounds.ts";
import type { Comparison } from "./side_by_side.ts";
import type { PairedRatio } from "./statistics.ts";
import { speed } from "./tables.ts";
import { pairsOf, range } from "./words.ts";

/** Whether rounds settle a ratio: a median over three or more leaves out one that is far off, a median over two takes half of it. */
export const isSettled = ({ low, high, rounds }: PairedRatio): boolean => rounds > 2 || high <= 1.1 * low;

/** A policy's speed beside its base's: "0.98× (0.98–0.99)", without a median where the rounds do not settle one. */
export function speedText(cell: Cell, base: Cell): string {
  const paired = cell.speedAgainst(base);
  if (paired && !isSettled(paired)) return `not settled (${paired.low.toFixed(2)}–${paired.high.toFixed(2)})`;
  return speed.show(cell, base) ?? "–";
}

/** "0.93–0.98×": the settled speeds of a policy against `exact`'s; null without one. */
export function speedRange(comparisons: readonly Comparison<Cell>[], policy: string): string | null {
  const settled = pairsOf(comparisons, policy).flatMap(({ own, base }) => {
    const paired = own.speedAgainst(base);
    return paired && isSettled(paired) ? [paired.median] : [];
  });
  return settled.length ? range(settled, ratio) : null;
}
