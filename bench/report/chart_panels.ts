import { type Comparison, names } from "./side_by_side.ts";
import type { PolicyStyle } from "./policy_style.ts";

export type Row = Record<string, string | number | undefined>;
export type Spec = Record<string, unknown>;
export type Styles = ReadonlyMap<string, PolicyStyle>;

/** A picture of one comparison: what Vega-Lite calls a unit or a layer. */
export interface Panel {
  title: [model: string, tokens: string];
  spec: Spec;
}

/** The panel of a comparison: its model and tokens stand on two lines, so that long names do not run into the next. */
export const panel = (comparison: Comparison<unknown>, spec: Spec): Panel => ({
  title: names(comparison),
  spec,
});

/** Panels side by side, at most so many, each with axes of its own; they share their legend. */
export const sideBySidePanels = (panels: readonly Panel[], most = 3): Spec => ({
  columns: Math.min(most, panels.length),
  spacing: { row: 24, column: 28 },
  concat: panels.map(({ title, spec }) => ({
    title: { text: title[0], subtitle: title[1], anchor: "start", fontSize: 12, subtitleFontSize: 11 },
    ...spec,
  })),
});

/** A unit of memory in which most of the numbers up to `largest` bytes are short. */
export function memoryUnit(largest: number): { unit: string; bytes: number } {
  const [unit, power] = largest >= 2 ** 31 ? ["GiB", 3] : largest >= 2 ** 21 ? ["MiB", 2] : ["KiB", 1];
  return { unit, bytes: 1024 ** power };
}

/** Values from the lowest to the highest and a little beyond, so that no point lies on the border. */
export function roomy(values: readonly number[], atLeast = 0): [low: number, high: number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.08 * (high - low), atLeast);
  return [low - room, high + room];
}

/** What an axis is called that does not begin at 0. */
export const cutAxis = (title: string): string => `${title} (axis cut)`;

/** The styles of the policies that some rows draw: a legend lists no others. */
export function stylesOfRows(styles: Styles, rows: readonly Row[]): Styles {
  const drawn = new Set(rows.map(({ policy }) => policy));
  return new Map([...styles].filter(([policy]) => drawn.has(policy)));
}

/** The encodings of a policy by lines, or by points. All have the same domain, so that they share one legend. */
export function byPolicy(styles: Styles, drawn: "lines" | "points") {
  const legend = drawn === "lines"
    ? { symbolType: "stroke", symbolSize: 500, symbolStrokeWidth: 2, symbolOpacity: 1 }
    : { symbolSize: 80, symbolStrokeWidth: 2, symbolOpacity: 1 };
  const channel = (name: keyof PolicyStyle) => ({
    field: "policy",
    type: "nominal",
    title: null,
    sort: null,
    scale: { domain: [...styles.keys()], range: [...styles.values()].map((style) => style[name]) },
    legend,
  });
  const color = channel("color");
  return drawn === "lines" ? { color, strokeDash: channel("dash") } : { color, shape: channel("shape") };
}
