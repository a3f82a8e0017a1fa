import { median } from "../statistics/statistics.ts";
import type { CellRecord } from "./results.ts";

/** Median milliseconds of a step in each round of a cell that was timed. */
export function stepByRound(
  rounds: Iterable<Pick<CellRecord, "configuration" | "timing">>,
): ReadonlyMap<number, number> {
  return new Map(
    [...rounds].flatMap(({ configuration: { round }, timing }) =>
      timing ? [[round, median(timing.stepMilliseconds)] as const] : []
    ),
  );
}
