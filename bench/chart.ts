import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { categories, type Category } from "../src/memory/category.ts";
import { compare } from "./cell_rounds.ts";
import { softwareBrand } from "./report.ts";
import type { CellRecord } from "./results.ts";
import { names } from "./side_by_side.ts";

/** A picture beside the report. */
export interface Chart {
  file: string;
  caption: string;
  svg: string;
}

/** The pictures of a run: memory by category, and speed against memory. Equal records give equal bytes. */
export async function drawCharts(records: readonly CellRecord[]): Promise<Chart[]> {
  const cells = compare(records).flatMap((comparison) =>
    [...comparison.cells].map(([policy, cell]) => ({ shape: names(comparison).join(", "), policy, cell }))
  );
  const memory = cells.flatMap(({ shape, policy, cell }) =>
    categories.map((category, order) => ({
      ...{ shape, policy, category, order },
      mebibytes: (cell.memory?.liveAtPeak[category] ?? 0) / 2 ** 20,
    }))
  ).filter(({ mebibytes }) => mebibytes > 0);
  const frontier = cells.flatMap(({ shape, policy, cell: { memory, tokensPerSecond } }) =>
    memory && tokensPerSecond
      ? [{ shape, policy, mebibytes: memory.livePeakBytes / 2 ** 20, tokensPerSecond }]
      : []
  );
  const brand = records.some((r) => r.environment.adapterClass === "software") ? softwareBrand : undefined;
  const charts = [];
  if (memory.length) {
    const caption = "Memory at the peak, by category";
    charts.push({ file: "memory.svg", caption, svg: await draw(memorySpec(memory), caption, brand) });
  }
  if (frontier.length) {
    const caption = "Speed against memory: up and to the left is better";
    charts.push({ file: "frontier.svg", caption, svg: await draw(frontierSpec(frontier), caption, brand) });
  }
  return charts;
}

type Rows = Record<string, string | number>[];
type Spec = Record<string, unknown>;

const colors: Record<Category, string> = {
  parameters: "#4c78a8",
  gradients: "#9ecae9",
  optimizer: "#79706e",
  saved: "#e45756",
  ranges: "#b279a2",
  transient: "#f2cf5b",
  head: "#54a24b",
  control: "#bab0ac",
};

/** A picture for each shape, in the order of the records. */
function byShape(values: Rows): Spec {
  const sort = [...new Set(values.map(({ shape }) => shape))];
  const facet = { field: "shape", type: "nominal", title: null, sort };
  return { data: { values }, facet, columns: Math.min(3, sort.length) };
}

function memorySpec(values: Rows): Spec {
  const domain = categories.filter((name) => values.some(({ category }) => category === name));
  return {
    ...byShape(values),
    resolve: { scale: { x: "independent", y: "independent" } },
    spec: {
      width: { step: 44 },
      height: 220,
      mark: "bar",
      encoding: {
        x: { field: "policy", type: "nominal", sort: null, title: null, axis: { labelAngle: -30 } },
        y: { field: "mebibytes", type: "quantitative", title: "MiB", axis: { format: "~s" } },
        color: {
          field: "category",
          type: "nominal",
          title: null,
          scale: { domain, range: domain.map((category) => colors[category]) },
        },
        order: { field: "order" },
      },
    },
  };
}

function frontierSpec(values: Rows): Spec {
  return {
    ...byShape(values),
    resolve: { scale: { x: "independent", y: "independent" } },
    spec: {
      width: 190,
      height: 170,
      mark: { type: "point", filled: true, size: 80, opacity: 1 },
      encoding: {
        x: { field: "mebibytes", type: "quantitative", title: "live peak, MiB", axis: { format: "~s" } },
        y: { field: "tokensPerSecond", type: "quantitative", title: "tokens/s", axis: { format: "~s" } },
        color: { field: "policy", type: "nominal", title: null, sort: null, scale: { scheme: "tableau10" } },
      },
    },
  };
}

async function draw(spec: Spec, text: string, subtitle: string | undefined): Promise<string> {
  const title = { text, anchor: "start", ...subtitle && { subtitle } };
  const config = { font: "sans-serif", view: { stroke: null } };
  const whole = { ...spec, title, config, background: "white", padding: 12 } as unknown as TopLevelSpec;
  return await new View(parse(compile(whole).spec), { renderer: "none" }).toSVG();
}
