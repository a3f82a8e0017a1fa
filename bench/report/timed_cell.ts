import type { Cell } from "./cell_rounds.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";

/**
 * The cell whose speed the others' are told by: the base, or where that did not run the first that ran to its end; undefined if none did. A
 * base that ran in company stays it, though none of its times counts.
 */
export function timedOf(comparison: Comparison<Cell>): Cell | undefined {
  const base = baseOf(comparison);
  return base.failure && !base.step
    ? [...comparison.cells.values()].find(({ step, failure }) => step && !failure)
    : base;
}
