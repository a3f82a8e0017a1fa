import { markdownTable } from "markdown-table";
import { bytes, ratio } from "../../src/text/format.ts";
import { type StepChoices, stepDefaults } from "../../src/train/step_choices.ts";
import { sizeName } from "../results/process_name.ts";

/** Things of type T that differ only in the storage policy. */
export interface Comparison<T> {
  model: string;
  sequence: number;
  batch: number;
  /** How steps compute and update, where that is not the default. */
  choices?: StepChoices;
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
export function names(
  { model, batch, sequence, choices }: Omit<Comparison<unknown>, "cells">,
): [string, string] {
  return [model, sizeName({ ...choices, batch, sequence })];
}

/** Tokens of a step, those of all its micro-batches together. */
export function tokensOfStep({ batch, sequence, choices }: Omit<Comparison<unknown>, "cells">): number {
  return (choices?.accumulate ?? stepDefaults.accumulate) * batch * sequence;
}

/** Tables of more policies than this have a row for each, instead of a column. */
const mostColumns = 5;

/**
 * A markdown table with a column for each policy, and a row for each comparison and quantity that any of its cells has; of many policies
 * with a row for each, and a column for each quantity. Null without rows. `missing` is the text for a cell without a value.
 */
export function sideBySide<T>(
  comparisons: readonly Comparison<T>[],
  quantities: readonly Quantity<T>[],
  { leads = [], missing = () => "–" }: { leads?: readonly Lead<T>[]; missing?: (cell: T) => string } = {},
): string | null {
  const policies = [...new Set(comparisons.flatMap((c) => [...c.cells.keys()]))];
  const grids = comparisons.map((comparison) => {
    const base = baseOf(comparison);
    const cells = policies.map((policy) => comparison.cells.get(policy));
    const lines = quantities.map(({ show }) =>
      cells.map((cell) => cell ? show(cell, base, comparison) : null)
    );
    const shown = lines.map((line) => line.map((text, i) => text ?? (cells[i] ? missing(cells[i]) : "–")));
    return {
      title: [...names(comparison), ...leads.map((lead) => lead.show(base, comparison))],
      cells,
      measured: lines.map((line) => line.some((text) => text !== null)),
      shown,
    };
  });
  const used = quantities.map((_, i) => grids.some(({ measured }) => measured[i]));
  if (!used.includes(true)) return null;
  const header = ["model", "tokens", ...leads.map((lead) => lead.header)];
  const align = ["l", "r", ...leads.map(() => "r"), "l"];
  const titled = (title: string[], lines: string[][]) =>
    lines.map((line, i) => [...i === 0 ? title : title.map(() => ""), ...line]);
  if (policies.length <= mostColumns) {
    const rows = grids.flatMap(({ title, measured, shown }) =>
      titled(title, quantities.flatMap(({ label }, i) => measured[i] ? [[label, ...shown[i]]] : []))
    );
    return markdownTable([[...header, "", ...policies], ...rows], {
      align: [...align, ...policies.map(() => "r")],
    });
  }
  const columns = quantities.flatMap(({ label }, i) => used[i] ? [{ label, i }] : []);
  const rows = grids.filter(({ measured }) => measured.includes(true)).flatMap(({ title, cells, shown }) =>
    titled(
      title,
      policies.flatMap((policy, p) => cells[p] ? [[policy, ...columns.map(({ i }) => shown[i][p])]] : []),
    )
  );
  return markdownTable([[...header, "policy", ...columns.map(({ label }) => label)], ...rows], {
    align: [...align, ...columns.map(() => "r")],
  });
}
