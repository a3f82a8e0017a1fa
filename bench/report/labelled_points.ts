/** Points with labels that can be read, in a plot of fixed size: where they stand has to be known before it is drawn. */

import { byPolicy, type Row, type Spec, type Styles } from "./chart_panels.ts";
import { type Box, placeLabels } from "./label_places.ts";

/** What every plot has. */
export const size = { width: 400, height: 230 };

/** Lighter than any policy's color. */
const grey = "#c8c8c8";
export const greyText = "#9a9a9a";
export const black = { value: "#000000" };

const pointSize = 55;
const strokeWidth = 1.8;
const half = (Math.sqrt(pointSize) + strokeWidth) / 2;

/** How labels are written, and how many font sizes wide their widest sign is: without a canvas text is not measured. */
interface Font {
  fontSize: number;
  fontWeight?: string;
  widest: number;
}

export const digits: Font = { fontSize: 9, widest: 0.65 };
export const letters: Font = { fontSize: 10, fontWeight: "bold", widest: 1.05 };

/** A scale that ends where it is told to. */
export interface Scale {
  type?: "log";
  domain: [low: number, high: number];
}

/** Two encodings of a row's numbers, each with its scale. */
export interface Axes {
  x: Axis;
  y: Axis;
}
export type Axis = ReturnType<typeof axis>;

/** The axis of a field. */
export const axis = (field: string, title: string, scale: Scale, axis: Spec = {}) => ({
  ...{ field, title, axis },
  type: "quantitative",
  scale: { nice: false, ...scale },
});

/** A color, but of what is beaten another. */
export const unlessBeaten = (color: Spec, beaten = grey): Spec => ({
  condition: { test: "datum.beaten", value: beaten },
  ...color,
});

/** What comes later is drawn over what came before. */
const lastUnbeaten = (rows: readonly Row[]) =>
  rows.toSorted((a, b) => (b.beaten as number) - (a.beaten as number));

/** Points in their policy's style, grey where they are beaten. */
export function points(rows: readonly Row[], axes: Axes, styles: Styles): Spec {
  const { color, shape } = byPolicy(styles, "points");
  return {
    data: { values: lastUnbeaten(rows) },
    mark: { type: "point", size: pointSize, strokeWidth, opacity: 1 },
    encoding: { ...axes, color: unlessBeaten(color), shape },
  };
}

/** What a row's point covers. */
export function markOf(row: Row, { x, y }: Axes): Box {
  const share = ({ field, scale: { type, domain } }: Axis) => {
    const [value, low, high] = [row[field] as number, ...domain].map(type === "log" ? Math.log : Number);
    return (value - low) / (high - low);
  };
  return {
    x: size.width * share(x),
    y: size.height * (1 - share(y)),
    ...{ halfWidth: half, halfHeight: half },
  };
}

/** The labels of rows, those of unbeaten ones first, where they cover neither the rows' points nor what else is drawn. */
export function labels(
  rows: readonly Row[],
  axes: Axes,
  own: Spec,
  { widest, ...font }: Font,
  others: readonly Box[] = [],
): Spec[] {
  const wanted = lastUnbeaten(rows).toReversed().map((row) => ({
    row,
    mark: markOf(row, axes),
    width: `${row.label}`.length * widest * font.fontSize,
    height: font.fontSize,
  }));
  const [halfWidth, halfHeight] = [size.width / 2, size.height / 2];
  const plot = { x: halfWidth, y: halfHeight, halfWidth, halfHeight };
  const values = [...placeLabels(wanted, [...wanted.map(({ mark }) => mark), ...others], plot)]
    .map(([{ row: { label, policy, beaten }, mark }, place]) => ({ label, policy, beaten, mark, ...place }));
  const color = unlessBeaten(own, greyText);
  const at = (field: string) => ({ value: { expr: `datum.${field}` } });
  return [
    {
      data: { values: values.filter(({ leader }) => leader) },
      mark: { type: "rule", strokeWidth: 0.6 },
      encoding: { x: at("mark.x"), y: at("mark.y"), x2: at("leader.x"), y2: at("leader.y"), color },
    },
    {
      data: { values },
      mark: { type: "text", ...font },
      encoding: { x: at("text.x"), y: at("text.y"), text: { field: "label" }, color },
    },
  ];
}
