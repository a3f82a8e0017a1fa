import { plural, ratio } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { byFamily } from "../report/families.ts";
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
    `Beside \`exact\`, the least and the most of ${count(grid.comparisons)}, each by itself: ${
      shares(grid.comparisons)
    }.`,
    `By family: ${
      families.map(({ family, comparisons }) => `${family}, ${count(comparisons)}, ${shares(comparisons)}`)
        .join("; ")
    }.`,
    gridTable(grid.comparisons)!,
    sources(grid),
    picture(grid, "frontier.svg", "Speed against memory: up and to the left is better"),
  ].join("\n\n");
}

const count = ({ length }: readonly unknown[]) => plural(length, "model and size", "models and sizes");

/** "`mesa8` takes 0.39–0.89× of the buffers at 0.92–0.99× of the speed and `mst8` 0.29–0.85× at 0.73–0.86×" */
function shares(comparisons: readonly Comparison<Cell>[]): string {
  const told = [...new Set(["mesa8", smallest(comparisons)])].flatMap((policy) => {
    const buffers = buffersOf(comparisons, policy);
    const speed = speedRange(comparisons, policy);
    return buffers.length ? [{ policy, buffers: range(buffers, ratio), speed }] : [];
  });
  return list(told.map(({ policy, buffers, speed }, i) => {
    const [takes, ofBuffers, ofSpeed] = i === 0
      ? [" takes", " of the buffers", " of the speed"]
      : ["", "", ""];
    return `${code(policy)}${takes} ${buffers}${ofBuffers}${speed ? ` at ${speed}${ofSpeed}` : ""}`;
  }));
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
