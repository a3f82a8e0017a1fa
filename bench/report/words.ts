import { markdownTable } from "markdown-table";
import type { Cell } from "./cell_rounds.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";

/** A markdown table whose first columns, as many as told, are of words. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[], words = 1): string =>
  markdownTable([header, ...rows].map((row) => [...row]), {
    align: header.map((_, column) => column < words ? "l" : "r"),
  });

/** "1, 2 and 3" */
export const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

/** "0.90–0.98×" of texts in order of size, of which those of the ends count; "0.26×" where both say the same. */
export function range(values: readonly number[], show: (value: number) => string): string {
  const [low, high] = [show(Math.min(...values)), show(Math.max(...values))];
  if (low === high) return low;
  const unit = low.match(/[^\d.]+$/)?.[0] ?? "";
  return `${high.endsWith(unit) ? low.slice(0, low.length - unit.length) : low}–${high}`;
}

/** A policy's name as code. */
export const code = (policy: string): string => `\`${policy}\``;

/** A policy's cell beside that which it is measured against. */
export interface Pair {
  own: Cell;
  base: Cell;
  comparison: Comparison<Cell>;
}

/** A policy's cell in each comparison that has one, beside its base. */
export const pairsOf = (comparisons: readonly Comparison<Cell>[], policy: string): Pair[] =>
  comparisons.flatMap((comparison) => {
    const own = comparison.cells.get(policy);
    return own ? [{ own, base: baseOf(comparison), comparison }] : [];
  });

/** The policies of comparisons, in the order of their first appearance. */
export const policiesOf = (comparisons: readonly Comparison<Cell>[]): string[] => [
  ...new Set(comparisons.flatMap(({ cells }) => [...cells.keys()])),
];

/** Sentences as one paragraph of a page, if there are any. */
export function paragraph(...sentences: (string | null)[]): string[] {
  const said = sentences.filter((sentence) => sentence !== null);
  return said.length > 0 ? [said.join(" ")] : [];
}
