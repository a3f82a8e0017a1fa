import { familyOf } from "../../src/models/families.ts";
import { modelOf } from "../results/results.ts";
import type { Cell } from "./cell_rounds.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";

/** The comparisons of one family of models. */
export interface OfFamily {
  /** "GPT-2" */
  family: string;
  comparisons: Comparison<Cell>[];
}

/**
 * Comparisons by family, in the order of their first appearance, where there are several families and one of them has several models or
 * sizes; else null, for what spans few comparisons is told of all together.
 */
export function byFamily(comparisons: readonly Comparison<Cell>[]): OfFamily[] | null {
  const groups = Map.groupBy(
    comparisons,
    (comparison) => familyOf(modelOf(baseOf(comparison).configuration)),
  );
  if (groups.size < 2 || groups.size === comparisons.length) return null;
  return [...groups].map(([{ title }, of]) => ({ family: title.replace(/^an? /, ""), comparisons: of }));
}
