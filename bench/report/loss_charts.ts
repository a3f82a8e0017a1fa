import type { Cell } from "./cell_rounds.ts";
import { byPolicy, type Panel, panel, roomy, type Row, type Spec, type Styles } from "./chart_panels.ts";
import { lossCurves, lossDifferences } from "./loss_curves.ts";
import type { Comparison } from "./side_by_side.ts";
import { median } from "../statistics/statistics.ts";

const step = { field: "step", type: "quantitative", title: "step" };
const size = { width: 300, height: 220 };
const isNumber = (value: unknown): value is number => typeof value === "number";

/** Lines drawn after one another over the same values stay visible: each is thinner than that below, and has gaps of its own. */
function lines(field: string, y: Spec, styles: Styles): Spec[] {
  const encoding = byPolicy(styles, "lines");
  const names = [...styles.keys()];
  return names.map((policy, order) => ({
    transform: [{ filter: { field: "policy", equal: policy } }],
    mark: { type: "line", strokeWidth: order === 0 ? 3.5 : 3 - 1.4 * order / Math.max(names.length - 1, 1) },
    encoding: { x: step, y: { ...y, field }, ...encoding },
  }));
}

const inPanel = (styles: Styles, rows: Row[]): Styles =>
  new Map([...styles].filter(([policy]) => rows.some((row) => row.policy === policy)));

/** Training losses, smoothed; a panel for each comparison whose runs are long enough. */
export function lossPanels(comparisons: readonly Comparison<Cell>[], styles: Styles): Panel[] {
  return comparisons.flatMap((comparison) => {
    const rows = lossCurves([comparison]) as object[] as Row[];
    const y = {
      type: "quantitative",
      title: "nats per target",
      scale: {
        domain: rows.length ? roomy(rows.flatMap(({ low, high }) => [low, high].filter(isNumber))) : [],
      },
    };
    const drawn = inPanel(styles, rows);
    const { color } = byPolicy(drawn, "lines");
    const band = {
      mark: { type: "area", opacity: 0.12 },
      encoding: { x: step, y: { ...y, field: "low" }, y2: { field: "high" }, color },
    };
    const spec = { data: { values: rows }, ...size, layer: [band, ...lines("loss", y, drawn)] };
    return rows.length ? [panel(comparison, spec)] : [];
  });
}

/**
 * Training losses less `exact`'s. The scale is linear near 0, as far as the usual difference, and logarithmic beyond, so that
 * neither a policy which fails nor the spread between seeds hides the others.
 */
export function differencePanels(comparisons: readonly Comparison<Cell>[], styles: Styles): Panel[] {
  const rows = comparisons.map((comparison) => lossDifferences([comparison]) as object[] as Row[]);
  const y = differenceAxis(rows.flat());
  return comparisons.flatMap((comparison, i) => {
    if (rows[i].length === 0) return [];
    const band = {
      transform: [{ filter: "!isValid(datum.policy)" }],
      mark: { type: "area", color: "#d5d5d5" },
      encoding: { x: step, y: { ...y, field: "low" }, y2: { field: "high" } },
    };
    const drawn = lines("difference", y, inPanel(styles, rows.flat()));
    return [panel(comparison, { data: { values: rows[i] }, ...size, layer: [band, ...drawn] })];
  });
}

function differenceAxis(rows: Row[]): Spec {
  const values = (...fields: string[]) =>
    rows.flatMap((row) => fields.map((field) => row[field])).filter(isNumber);
  const sizes = values("difference").map(Math.abs).filter((size) => size > 0);
  const constant = 10 ** Math.ceil(Math.log10(sizes.length ? median(sizes) : 1));
  const all = values("low", "high", "difference");
  const [lowest, highest] = [Math.min(0, ...all), Math.max(0, ...all)];
  const wide = Math.max(-lowest, highest) > 300 * constant;
  const within = (multiples: number[]) =>
    multiples.flatMap((k) => [-k * constant, k * constant])
      .filter((tick) => tick >= lowest && tick <= highest);
  const far = within(wide ? [10, 100, 1e3, 1e4] : [1, 3, 10, 30, 100, 300]);
  const ticks = [0, ...far.length > 1 ? far : within([0.1, 0.2, 0.4, 0.6, 0.8, 1])]; // few differences leave where the scale is linear
  return {
    type: "quantitative",
    title: "nats per target",
    scale: {
      type: "symlog",
      constant,
      nice: false,
      domain: [1.2 * lowest - constant / 2, 1.2 * highest + constant / 2],
    },
    axis: { values: ticks, format: "~" },
  };
}
