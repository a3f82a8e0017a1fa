/** The longest sequences as a picture: what trained, what fits by plan and what is published, and how fast steps are at each length. */

import { number } from "../../src/text/format.ts";
import type { LongestSequence } from "../results/run_header.ts";
import type { Cell } from "./cell_rounds.ts";
import { byPolicy, type Panel, type Row, type Spec, type Styles, stylesOfRows } from "./chart_panels.ts";
import { groupsOf, longestTrained, rowName, titleOf, trainedCells } from "./longest_rows.ts";
import { published, publishedStates } from "./mst_published.ts";
import type { Comparison } from "./side_by_side.ts";

/** Of each model bars of its longest sequences, and beside them the speed of steps by length where some were timed at several. */
export function longestPanels(
  found: readonly LongestSequence[],
  comparisons: readonly Comparison<Cell>[],
  styles: Styles,
): Panel[] {
  const models = [...Map.groupBy(found, titleOf)].map(([title, of]) => {
    const own = lengthRows(of, comparisons);
    return {
      title,
      bars: own.length > 0 ? [...publishedRows(of), ...own] : [],
      speeds: groupsOf(of).map((group) => speedRows(group, comparisons)).find((rows) => rows.length > 1) ??
        [],
    };
  });
  const drawn = stylesOfRows(styles, models.flatMap(({ bars }) => bars));
  return models.filter(({ bars }) => bars.length > 0).map(({ title, bars, speeds }) => ({
    title: [title, "longest sequences, and speed by length"],
    spec: { hconcat: [lengths(bars, drawn), ...speeds.length > 0 ? [speedsByLength(speeds, drawn)] : []] },
  }));
}

/** What is published of a sequence alone, under the policies that were looked for. */
function publishedRows(found: readonly LongestSequence[]): Row[] {
  const [{ model, batch }] = found;
  const policies = [...new Set(found.map(({ policy }) => policy))];
  return policies.flatMap((policy) => {
    const thousands = batch === 1 ? published[model]?.[policy] : undefined;
    if (!thousands) return [];
    const tokens = 1000 * thousands;
    return [{
      ...{ policy, states: publishedStates, published: tokens, end: tokens },
      label: `${thousands} K`,
    }];
  });
}

/** What of a row trained, and how far the plan goes beyond. */
const lengthRows = (found: readonly LongestSequence[], comparisons: readonly Comparison<Cell>[]): Row[] =>
  found.filter(({ sequence }) => sequence > 0).map((one) => {
    const last = longestTrained(one, comparisons);
    const shorter = last && last.sequence < one.sequence ? `, trained ${number(last.sequence)}` : "";
    const speed = last?.cell.tokensPerSecond;
    return {
      ...{ policy: one.policy, states: rowName(one, found), planned: one.sequence, end: one.sequence },
      trained: last?.sequence ?? 0,
      label: `${number(one.sequence)}${shorter}${speed ? `, ${number(speed)} tokens/s` : ""}`,
    };
  });

const speedRows = (group: readonly LongestSequence[], comparisons: readonly Comparison<Cell>[]): Row[] =>
  group.flatMap((one) =>
    trainedCells(one, comparisons).flatMap(({ sequence, cell }) =>
      cell.tokensPerSecond ? [{ policy: one.policy, sequence, speed: cell.tokensPerSecond }] : []
    )
  );

function lengths(rows: Row[], styles: Styles): Spec {
  const { color } = byPolicy(styles, "points");
  const y = { field: "states", type: "nominal", sort: null, title: null, axis: { labelLimit: 300 } };
  const yOffset = { field: "policy", type: "nominal", sort: [...styles.keys()] };
  const most = Math.max(...rows.map(({ end }) => end as number));
  const x = {
    type: "quantitative",
    title: "tokens",
    scale: { domain: [0, 1.45 * most], nice: false },
    axis: { tickCount: 5, format: "~s" },
  };
  const bar = (field: string, more: Spec) => ({
    mark: { type: "bar", ...more },
    encoding: { x: { ...x, field }, y, yOffset, color },
  });
  return {
    data: { values: rows },
    width: 330,
    height: { step: 12, for: "offset" },
    layer: [
      bar("planned", { opacity: 0.35 }),
      bar("trained", {}),
      bar("published", { filled: false, strokeWidth: 1.5 }),
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 9 },
        encoding: { x: { ...x, field: "end" }, y, yOffset, text: { field: "label" } },
      },
    ],
  };
}

function speedsByLength(rows: Row[], styles: Styles): Spec {
  const axis = (field: string, title: string) => ({
    field,
    type: "quantitative",
    title,
    scale: { type: "log", nice: true },
    axis: { format: "~s", tickCount: 3 },
  });
  const encoding = { x: axis("sequence", "tokens"), y: axis("speed", "tokens/s") };
  const { color, shape } = byPolicy(styles, "points");
  return {
    data: { values: rows },
    width: 230,
    height: 190,
    layer: [
      // Dashed, for between its points nothing was measured.
      { mark: { type: "line", strokeWidth: 1, strokeDash: [2, 3] }, encoding: { ...encoding, color } },
      {
        mark: { type: "point", size: 60, strokeWidth: 2, opacity: 1 },
        encoding: { ...encoding, color, shape },
      },
    ],
  };
}
