import { categories, type Category, categoryName } from "../../src/memory/category.ts";
import { number } from "../../src/text/format.ts";
import type { Cell } from "./cell_rounds.ts";
import { memoryUnit, type Panel, panel, type Spec } from "./chart_panels.ts";
import type { Comparison } from "./side_by_side.ts";

/** What charts draw each category in. */
export const categoryColors: Record<Category, string> = {
  parameters: "#4c78a8",
  gradients: "#9ecae9",
  optimizer: "#79706e",
  saved: "#e45756",
  inputs: "#ff9da6",
  ranges: "#b279a2",
  transient: "#f2cf5b",
  head: "#54a24b",
  control: "#bab0ac",
};

/** Comparisons that agree in this differ in choices, such as ranks: their bars are read beside each other. */
const sizeOf = ({ model, batch, sequence }: Comparison<Cell>) => `${model} ${batch} ${sequence}`;

/**
 * Bars of the live peak, a part for each category, the total at the end, on one scale for all of a size; pale where the cell did not fit. Names
 * longer than `labelLimit` pixels are cut.
 */
export function memoryPanels(
  comparisons: readonly Comparison<Cell>[],
  { labelLimit }: { labelLimit?: number } = {},
): Panel[] {
  const shown = categories.filter((category) =>
    comparisons.some(({ cells }) => [...cells.values()].some(({ memory }) => memory?.liveAtPeak[category]))
  );
  return comparisons.flatMap((comparison) => {
    const cells = [...comparison.cells].filter(([, { memory }]) => memory);
    const alike = comparisons.filter((other) => sizeOf(other) === sizeOf(comparison));
    const axis = { labelAngle: -35, ...labelLimit && { labelLimit } };
    return cells.length ? [panel(comparison, bars(cells, shown, largestPeak(alike), axis))] : [];
  });
}

/** The most bytes at the peak of any cell. */
const largestPeak = (comparisons: readonly Comparison<Cell>[]): number =>
  Math.max(
    ...comparisons.flatMap(({ cells }) =>
      [...cells.values()].map(({ memory }) => memory?.livePeakBytes ?? 0)
    ),
  );

function bars(cells: [string, Cell][], shown: Category[], largest: number, axis: Spec): Spec {
  const { unit, bytes } = memoryUnit(largest);
  const parts = cells.flatMap(([policy, { memory, failure }]) =>
    shown.map((category, order) => ({
      policy,
      category: categoryName(category),
      order,
      size: (memory!.liveAtPeak[category] ?? 0) / bytes,
      fits: failure?.status !== "oom",
    }))
  );
  const totals = cells.map(([policy, { memory, failure }]) => ({
    policy,
    size: memory!.livePeakBytes / bytes,
    total: number(memory!.livePeakBytes / bytes),
    note: failure?.status === "oom" ? "does not fit" : "",
  }));
  const x = { field: "policy", type: "nominal", sort: null, title: null, axis };
  const y = {
    field: "size",
    type: "quantitative",
    title: unit,
    scale: { domain: [0, 1.12 * largest / bytes], nice: false },
    axis: { tickCount: 5 },
  };
  const color = {
    field: "category",
    type: "nominal",
    title: null,
    scale: { domain: shown.map(categoryName), range: shown.map((category) => categoryColors[category]) },
  };
  const label = (field: string, dy: number, more: Spec = {}) => ({
    data: { values: totals },
    mark: { type: "text", baseline: "bottom", dy, fontSize: 10, ...more },
    encoding: { x, y, text: { field } },
  });
  return {
    width: { step: 44 },
    height: 220,
    layer: [
      {
        data: { values: parts.filter(({ size }) => size > 0) },
        mark: "bar",
        encoding: {
          x,
          y,
          color,
          order: { field: "order" },
          opacity: { condition: { test: "datum.fits", value: 1 }, value: 0.4 },
        },
      },
      label("total", -3),
      ...totals.some(({ note }) => note)
        ? [label("note", -14, { fontStyle: "italic", fontSize: 9, dx: 6 })]
        : [],
    ],
  };
}
