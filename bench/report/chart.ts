import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { categories, type Category, categoryName } from "../../src/memory/category.ts";
import { type Cell, compare } from "./cell_rounds.ts";
import { lossCurves, lossDifferences } from "./loss_curves.ts";
import { softwareBrand } from "./report.ts";
import type { CellRecord } from "../results/results.ts";
import { type Comparison, names } from "./side_by_side.ts";
import { median } from "../statistics/statistics.ts";

/** A picture beside the report. */
export interface Chart {
  file: string;
  caption: string;
  svg: string;
}

/** The pictures of a run, those that have something to show. Equal records give equal bytes. */
export async function drawCharts(records: readonly CellRecord[]): Promise<Chart[]> {
  const comparisons = compare(records);
  const policies = [...new Set(records.map((r) => r.configuration.policy))];
  const pictures: [
    file: string,
    caption: string,
    rows: Row[],
    spec: (rows: Row[], policies: string[]) => Spec,
  ][] = [
    ["memory", "Memory at the peak, by category", memoryRows(comparisons), memorySpec],
    [
      "frontier",
      "Speed against memory: up and to the left is better",
      frontierRows(comparisons),
      frontierSpec,
    ],
    [
      "loss",
      "Training loss: moving average over a twentieth of the run; mean of the seeds, and the band that they span",
      rowsOf(lossCurves(comparisons)),
      lossSpec,
    ],
    [
      "loss_difference",
      "Training loss less that of exact from the same seeds: the band is ± the standard deviation of exact between seeds; linear near 0, logarithmic beyond",
      rowsOf(lossDifferences(comparisons)),
      differenceSpec,
    ],
  ];
  const brand = records.some((r) => r.environment.adapterClass === "software") ? softwareBrand : undefined;
  return await Promise.all(
    pictures.filter(([, , rows]) => rows.length > 0).map(async ([name, caption, rows, spec]) => ({
      file: `${name}.svg`,
      caption,
      svg: await draw(spec(rows, policies), caption, brand),
    })),
  );
}

type Row = Record<string, string | number>;
type Spec = Record<string, unknown>;

const rowsOf = (points: object[]) => points as Row[];

function memoryRows(comparisons: readonly Comparison<Cell>[]): Row[] {
  return comparisons.flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, { memory }]) =>
      categories.map((category, order) => ({
        shape: names(comparison).join(", "),
        policy,
        category: categoryName(category),
        order,
        mebibytes: (memory?.liveAtPeak[category] ?? 0) / 2 ** 20,
      }))
    )
  ).filter(({ mebibytes }) => mebibytes > 0);
}

function frontierRows(comparisons: readonly Comparison<Cell>[]): Row[] {
  return comparisons.flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, { memory, tokensPerSecond }]) =>
      memory && tokensPerSecond
        ? [{
          shape: names(comparison).join(", "),
          policy,
          mebibytes: memory.livePeakBytes / 2 ** 20,
          tokensPerSecond,
        }]
        : []
    )
  );
}

const colors: Record<Category, string> = {
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

/** Vega's tableau10, then its lighter half for more. */
const policyColors = [
  ...[
    "#4c78a8",
    "#f58518",
    "#e45756",
    "#72b7b2",
    "#54a24b",
    "#eeca3b",
    "#b279a2",
    "#ff9da6",
    "#9d755d",
    "#bab0ac",
  ],
  ...["#9ecae9", "#ffbf79", "#ff9d98", "#83bcb6", "#88d27a", "#f2cf5b"],
];

/** A picture for each shape, in the order of the records. */
function byShape(values: Row[]): Spec {
  const sort = [...new Set(values.map(({ shape }) => shape))];
  const facet = { field: "shape", type: "nominal", title: null, sort };
  return { data: { values }, facet, columns: Math.min(3, sort.length) };
}

function memorySpec(values: Row[]): Spec {
  const shown = categories.filter((one) => values.some(({ category }) => category === categoryName(one)));
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
          scale: { domain: shown.map(categoryName), range: shown.map((category) => colors[category]) },
        },
        order: { field: "order" },
      },
    },
  };
}

function frontierSpec(values: Row[], policies: string[]): Spec {
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
        color: byPolicy(values, policies),
      },
    },
  };
}

/** A policy's color is the same in every picture. */
function byPolicy(values: Row[], policies: string[]): Spec {
  const shown = policies.filter((policy) => values.some((row) => row.policy === policy));
  const range = shown.map((policy) => policyColors[policies.indexOf(policy) % policyColors.length]);
  return {
    field: "policy",
    type: "nominal",
    title: null,
    sort: null,
    scale: { domain: shown, range },
    legend: { symbolOpacity: 1 },
  };
}

const step = { field: "step", type: "quantitative", title: "step" };

function lossSpec(values: Row[], policies: string[]): Spec {
  const color = byPolicy(values, policies);
  const y = { type: "quantitative", title: "nats per target", scale: { zero: false } };
  return {
    ...byShape(values),
    resolve: { scale: { x: "independent", y: "independent" } },
    spec: {
      width: 300,
      height: 220,
      layer: [
        {
          mark: { type: "area", opacity: 0.15 },
          encoding: { x: step, y: { ...y, field: "low" }, y2: { field: "high" }, color },
        },
        {
          mark: { type: "line", strokeWidth: 1.5 },
          encoding: { x: step, y: { ...y, field: "loss" }, color },
        },
      ],
    },
  };
}

/** The scale is linear near 0, where parity is decided, and logarithmic beyond, so that a policy which fails does not hide the others. */
function differenceSpec(values: Row[], policies: string[]): Spec {
  const band = values.flatMap(({ high }) => typeof high === "number" && high > 0 ? high : []);
  const constant = 10 ** Math.floor(Math.log10(band.length ? median(band) : 1));
  const ends = values.flatMap((
    { low, high, difference },
  ) => [low, high, difference]) as (number | undefined)[];
  const [lowest, highest] = [Math.min, Math.max].map((end) =>
    end(...ends.filter((value) => value !== undefined))
  );
  const ticks = [0, ...[1, 3, 10, 30, 100, 300, 1000].flatMap((k) => [-k * constant, k * constant])];
  const y = {
    type: "quantitative",
    title: "nats per target",
    scale: { type: "symlog", constant, nice: false },
    axis: { values: ticks.filter((tick) => tick >= lowest && tick <= highest), format: "~" },
  };
  return {
    ...byShape(values),
    resolve: { scale: { x: "independent" } },
    spec: {
      width: 300,
      height: 220,
      layer: [
        {
          transform: [{ filter: "!isValid(datum.policy)" }],
          mark: { type: "area", color: "#d5d5d5" },
          encoding: { x: step, y: { ...y, field: "low" }, y2: { field: "high" } },
        },
        {
          transform: [{ filter: "isValid(datum.policy)" }],
          mark: { type: "line", strokeWidth: 1.5 },
          encoding: { x: step, y: { ...y, field: "difference" }, color: byPolicy(values, policies) },
        },
      ],
    },
  };
}

/** Draws a picture; what follows a colon in its caption goes below the title, as does the brand. */
async function draw(spec: Spec, caption: string, brand: string | undefined): Promise<string> {
  const [text, ...more] = caption.split(": ");
  const subtitle = [...more, ...brand ? [brand] : []];
  const title = { text, anchor: "start", ...subtitle.length && { subtitle } };
  const config = { font: "sans-serif", view: { stroke: null } };
  const whole = { ...spec, title, config, background: "white", padding: 12 } as unknown as TopLevelSpec;
  return await new View(parse(compile(whole).spec), { renderer: "none" }).toSVG();
}
