import { sideBySidePanels } from "../report/chart_panels.ts";
import { type Cell, recordsOf } from "../report/cell_rounds.ts";
import { draw } from "../report/draw.ts";
import { byFamily, type OfFamily } from "../report/families.ts";
import { frontierPanels } from "../report/frontier_chart.ts";
import { stylesOfRecords } from "../report/policy_style.ts";
import { baseOf, type Comparison } from "../report/side_by_side.ts";
import type { Reports } from "./reports.ts";

/** The one picture before all words: what each policy gives back and costs in the largest step of each family in the canonical grid. */
export interface Glance {
  /** From the root of the project. */
  file: string;
  caption: string;
  comparisons: Comparison<Cell>[];
}

/** What the picture shows; null without a grid. */
export function atAGlance({ sweeps: { grid } }: Reports): Glance | null {
  const families = grid && byFamily(grid.comparisons);
  if (!families) return null;
  return {
    file: "reports/at-a-glance.svg",
    caption: `Speed against memory of the largest step of each family in the grid, on ${grid.adapter}`,
    comparisons: families.map(largest),
  };
}

/** The comparison in which `exact` takes the most bytes of buffers. */
const largest = ({ comparisons }: OfFamily) =>
  comparisons.reduce((most, one) => exactBytes(one) > exactBytes(most) ? one : most);

const exactBytes = (comparison: Comparison<Cell>) => baseOf(comparison).memory?.bufferBytes ?? 0;

/** The picture as SVG. Equal records give equal bytes. */
export async function drawGlance({ caption, comparisons }: Glance): Promise<string> {
  const panels = frontierPanels(comparisons, stylesOfRecords(recordsOf(comparisons)));
  return await draw(sideBySidePanels(panels), `${caption}: up and to the left is better`);
}
