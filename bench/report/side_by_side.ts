import { markdownTable } from "markdown-table";
import { bytes, ratio } from "../../src/text/format.ts";

/** Things of type T that differ only in the storage policy. */
export interface Comparison<T> {
  model: string;
  sequence: number;
  batch: number;
  /** By policy, in the order in which they are shown. */
  cells: Map<string, T>;
}

/** A line of a comparison: its name and the text for one cell, beside the base of its comparison; null where there is no value. */
export interface Quantity<T> {
  label: string;
  show(cell: T, base: T, comparison: Comparison<T>): string | null;
}

/** A quantity that needs no cell but its own and the base. */
export interface BaseQuantity<T> extends Quantity<T> {
  show(cell: T, base: T): string | null;
}

/** A column that is the same for all policies of a comparison. */
export interface Lead<T> {
  header: string;
  show(base: T, comparison: Comparison<T>): string;
}

/** The cell that the others are measured against: `exact` where there is one, else the first. */
export function baseOf<T>({ cells }: Comparison<T>): T {
  return cells.get("exact") ?? [...cells.values()][0];
}

/** A quantity in bytes, with its ratio to the base's. */
export function bytesQuantity<T>(
  label: string,
  value: (cell: T) => number | null | undefined,
): BaseQuantity<T> {
  return {
    label,
    show(cell, base) {
      const [own, other] = [value(cell), value(base)];
      if (own == null) return null;
      return cell === base || !other ? bytes(own) : `${bytes(own)} (${ratio(own / other)})`;
    },
  };
}

/** Model, and batch × sequence: how every table names a comparison. */
export function names({ model, batch, sequence }: Comparison<unknown>): [string, string] {
  return [model, `${batch} × ${sequence}`];
}

/**
 * A markdown table with a column for each policy, and a row for each comparison and quantity that any of its cells has; null without
 * rows. `missing` is the text for a cell without a value.
 */
export function sideBySide<T>(
  comparisons: readonly Comparison<T>[],
  quantities: readonly Quantity<T>[],
  { leads = [], missing = () => "–" }: { leads?: readonly Lead<T>[]; missing?: (cell: T) => string } = {},
): string | null {
  const policies = [...new Set(comparisons.flatMap((c) => [...c.cells.keys()]))];
  const rows = comparisons.flatMap((comparison) => {
    const base = baseOf(comparison);
    const cells = policies.map((policy) => comparison.cells.get(policy));
    const lines = quantities.flatMap(({ label, show }) => {
      const texts = cells.map((cell) => cell ? show(cell, base, comparison) : null);
      if (texts.every((text) => text === null)) return [];
      return [[label, ...texts.map((text, i) => text ?? (cells[i] ? missing(cells[i]) : "–"))]];
    });
    const title = [...names(comparison), ...leads.map((lead) => lead.show(base, comparison))];
    return lines.map((line, i) => [...i === 0 ? title : title.map(() => ""), ...line]);
  });
  if (rows.length === 0) return null;
  const header = ["model", "tokens", ...leads.map((lead) => lead.header), "", ...policies];
  return markdownTable([header, ...rows], {
    align: ["l", "r", ...leads.map(() => "r"), "l", ...policies.map(() => "r")],
  });
}
