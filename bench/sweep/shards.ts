import { createHash } from "node:crypto";
import { UserError } from "../../src/errors.ts";
import type { CellConfiguration } from "../results/results.ts";
import type { Shard, SweepHeader } from "../results/run_header.ts";

/** What stays together in one shard: the policies and rounds of a model, which its name tells, a size and a seed, which are compared. */
export function comparisonOf({ reinvested, sequence, seed, ...own }: CellConfiguration): string {
  const { model, batch } = reinvested ?? own;
  const { ranks } = own;
  return JSON.stringify([model, sequence, batch, seed, ...ranks === undefined ? [] : [ranks]]);
}

const hash = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * The cells of one shard, in the order of the plan. Comparisons are dealt out in the order of their hashes, so that shards are as equal as can
 * be and the order in which models or lengths were named does not matter. Throws a UserError if there are fewer comparisons than shards.
 */
export function cellsOfShard(cells: readonly CellConfiguration[], { index, of }: Shard): CellConfiguration[] {
  const dealt = [...new Set(cells.map(comparisonOf))].sort((a, b) => hash(a) < hash(b) ? -1 : 1);
  if (dealt.length < of) {
    throw new UserError(
      `The sweep has ${dealt.length} of model × length × batch × seed to divide, and --shard wants ${of} parts; take fewer shards`,
    );
  }
  const own = new Set(dealt.filter((_, place) => place % of === index - 1));
  return cells.filter((cell) => own.has(comparisonOf(cell)));
}

/** The processes that a run is to make: those of its shard, or the whole plan. */
export function cellsToRun({ cells, shard }: Pick<SweepHeader, "cells" | "shard">): CellConfiguration[] {
  return shard ? cellsOfShard(cells, shard) : cells;
}
