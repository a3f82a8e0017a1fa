import { plural, ratio } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { byFamily, type OfFamily } from "../report/families.ts";
import { gridTable } from "../report/grid_table.ts";
import type { Comparison } from "../report/side_by_side.ts";
import { speedRange } from "../report/speeds.ts";
import { code, list, pairsOf, policiesOf, range } from "../report/words.ts";
import { picture, sources } from "./making.ts";
import type { Reports } from "./reports.ts";

/** The canonical grid: of each family what `mesa8` takes and costs, and what the smallest policy does; then a row for each model and size. */
export function gridSection({ sweeps: { grid } }: Reports): string | null {
  const families = grid && byFamily(grid.comparisons);
  if (!families) return null;
  return [
    "### The grid",
    `Beside \`exact\`, the least and the most of each by itself: ${families.map(sentence).join("; ")}.`,
    gridTable(grid.comparisons)!,
    sources(grid),
    picture(grid, "frontier.svg", "Speed against memory: up and to the left is better"),
  ].join("\n\n");
}

/** "GPT-2, 7 models and sizes, 0.39–0.89× of its buffers, 0.92–0.99× of its speed under `mesa8` and 0.29–0.85× of its buffers, … under `mst8`" */
function sentence({ family, comparisons }: OfFamily): string {
  const told = [...new Set(["mesa8", smallest(comparisons)])].flatMap((policy) => {
    const buffers = buffersOf(comparisons, policy);
    const speed = speedRange(comparisons, policy);
    return buffers.length
      ? [
        `${range(buffers, ratio)} of its buffers${speed ? `, ${speed} of its speed` : ""} under ${
          code(policy)
        }`,
      ]
      : [];
  });
  return `${family}, ${plural(comparisons.length, "model and size", "models and sizes")}, ${list(told)}`;
}

/** The policy whose buffers are the smallest share of `exact`'s, by the mean of the shares. */
function smallest(comparisons: readonly Comparison<Cell>[]): string {
  const mean = (policy: string) => {
    const shares = buffersOf(comparisons, policy);
    return shares.length ? shares.reduce((sum, share) => sum + share, 0) / shares.length : Infinity;
  };
  return policiesOf(comparisons).reduce((least, policy) => mean(policy) < mean(least) ? policy : least);
}

const buffersOf = (comparisons: readonly Comparison<Cell>[], policy: string) =>
  pairsOf(comparisons, policy).flatMap(({ own, base }) =>
    own.memory && base.memory ? [own.memory.bufferBytes / base.memory.bufferBytes] : []
  );
