/** A frontier as a picture: speed and gradient error against memory, PyTorch's rows beside it, and the names of all points. */

import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { Told } from "../results/run_header.ts";
import type { Cell } from "./cell_rounds.ts";
import {
  byPolicy,
  cutAxis,
  type Panel,
  panel,
  roomy,
  type Row,
  type Spec,
  type Styles,
  stylesOfRows,
} from "./chart_panels.ts";
import {
  ending,
  type FrontierPoint,
  frontierPoints,
  type PeerPoint,
  peerPoints,
  policiesOf,
} from "./frontier.ts";
import {
  type Axes,
  axis,
  black,
  digits,
  greyText,
  labels,
  letters,
  markOf,
  points,
  type Scale,
  size,
  unlessBeaten,
} from "./labelled_points.ts";
import { policyStyles } from "./policy_style.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";
import { timedOf } from "./timed_cell.ts";

const lineHeight = 12;

/** A picture of each comparison whose base is known; none where no frontier was looked for. */
export function combinationPanels(comparisons: readonly Comparison<Cell>[], told: Told): Panel[] {
  const { frontier } = told;
  if (!frontier) return [];
  const policyOf = policiesOf(told);
  const pictures = comparisons.flatMap((comparison) => {
    const base = baseOf(comparison);
    const points = frontierPoints(comparison);
    const timed = timedOf(comparison);
    if (!base.memory || !timed || points.length < 2) return [];
    const rows = points.map((point) => rowOf(point, policyOf.get(point.name) ?? point.name, base, timed));
    const peers = peerPoints(comparison, points, told).map(peerRow);
    const [memoryOf, speedOf] = [base, timed].map(({ configuration }) => configuration.policy);
    const speeds = rows.filter(({ speed }) => speed !== undefined);
    return [{ comparison, rows, speeds, peers, memoryOf, speedOf }];
  });
  const drawn = pictures.flatMap(({ rows, speeds }) => [...speeds, ...withErrors(rows)]);
  const styles = stylesOfRows(stylesOf(comparisons, policyOf), drawn);
  return pictures.flatMap(({ comparison, rows, speeds, peers, memoryOf, speedOf }) => {
    const parts = [
      ...speeds.length > 0
        ? [speedPart(speeds, styles, `buffers, of ${memoryOf}'s`, cutAxis(`speed, of ${speedOf}'s`))]
        : [],
      ...errorPart(rows, styles, `buffers, of ${memoryOf}'s`),
      ...peers.length > 0 ? [peersPart(speeds, peers, styles, [memoryOf, speedOf])] : [],
    ];
    if (parts.length === 0) return [];
    return [
      panel(comparison, { hconcat: [{ vconcat: parts, spacing: 18 }, names(rows, peers)], spacing: 24 }),
    ];
  });
}

/** The style of each policy that was planned and ran, the same in all pictures; but for exact's, whose grey would seem beaten here. */
function stylesOf(comparisons: readonly Comparison<Cell>[], policyOf: ReadonlyMap<string, string>): Styles {
  const cells = new Map(comparisons.flatMap(({ cells }) => [...cells]));
  const documents = new Map<string, PolicyDocument>();
  for (const [name, policy] of policyOf) {
    const storage = cells.get(name)?.configuration.storage;
    if (storage) documents.set(policy, { ...storage, name: policy });
  }
  const styles = policyStyles(documents);
  return new Map([...styles].map(([policy, style]) => [
    policy,
    policy === "exact" ? { ...style, color: "#000000" } : style,
  ]));
}

function rowOf(point: FrontierPoint, policy: string, base: Cell, timed: Cell): Row {
  const { number, name, cell, bytes, error, beatenBy } = point;
  const speed = cell.speedAgainst(timed);
  const end = cell.failure?.status === "oom" ? "does not fit" : ending(point);
  return {
    policy,
    label: `${number}`,
    text: `${number}  ${name}${
      beatenBy.length > 0 ? `  (beaten by ${beatenBy[0].number})` : end ? `  (${end})` : ""
    }`,
    memory: bytes / base.memory!.bufferBytes,
    error: error ?? undefined,
    beaten: beatenBy.length > 0 || point.diverged ? 1 : 0,
    ...speed && {
      speed: speed.ratio,
      low: speed.interval?.low ?? speed.ratio,
      high: speed.interval?.high ?? speed.ratio,
    },
  };
}

/** PyTorch's rows have letters. */
const peerRow = ({ name, memory, speed, beatenBy }: PeerPoint, place: number): Row => {
  const label = String.fromCharCode("a".charCodeAt(0) + place % 26);
  const by = beatenBy.length > 0 ? `  (beaten by ${beatenBy[0].number})` : "";
  return {
    label,
    text: `${label}  PyTorch: ${name}${by}`,
    memory,
    speed,
    beaten: beatenBy.length > 0 ? 1 : 0,
  };
};

/** A logarithmic scale with room at both ends. */
function logarithmic(values: readonly number[]): Scale {
  const [low, high] = roomy(values.map(Math.log2), 0.1);
  return { type: "log", domain: [2 ** low, 2 ** high] };
}

const numbers = (rows: readonly Row[], name: string) =>
  rows.flatMap((row) => typeof row[name] === "number" ? [row[name] as number] : []);

const memoryAxis = (rows: readonly Row[], title: string) =>
  axis("memory", title, logarithmic(numbers(rows, "memory")), { format: "~g", tickCount: 8 });

function speedPart(rows: readonly Row[], styles: Styles, memory: string, speed: string): Spec {
  const [low, high] = roomy([...numbers(rows, "low"), ...numbers(rows, "high")], 0.01);
  const axes = {
    x: memoryAxis(rows, memory),
    y: axis("speed", speed, { domain: [low, high] }, { format: "~f", tickCount: 6 }),
  };
  const { x, y } = axes;
  const { color } = byPolicy(styles, "points");
  const rule = {
    data: { values: rows },
    mark: { type: "rule", strokeWidth: 1.5 },
    encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color: unlessBeaten(color) },
  };
  const rules = rows.map((row) => {
    const [from, to] = ["low", "high"].map((end) => markOf({ ...row, speed: row[end] }, axes));
    return { ...from, y: (from.y + to.y) / 2, halfWidth: 1, halfHeight: (from.y - to.y) / 2 };
  });
  return { ...size, layer: [rule, points(rows, axes, styles), ...labels(rows, axes, color, digits, rules)] };
}

const powersOfTen = (low: number, high: number) => {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
};

/** The rows whose gradient error is known; none where none was compared. */
function withErrors(rows: readonly Row[]): Row[] {
  const known = rows.filter(({ error }) => error !== undefined);
  return known.some(({ error }) => error !== 0) ? known : [];
}

/** Gradient errors on a logarithmic axis, at whose foot stands what has none; nothing where none was compared. */
function errorPart(all: readonly Row[], styles: Styles, memory: string): Spec[] {
  const rows = withErrors(all);
  if (rows.length === 0) return [];
  const known = numbers(rows, "error").filter((error) => error > 0);
  const foot = Math.min(...known) / 4;
  const scale = logarithmic([foot, ...known]);
  const [, top] = scale.domain;
  const y = axis("error", "gradient error (at the foot: none)", scale, {
    format: "~e",
    ...top / foot >= 100 ? { values: powersOfTen(foot, top) } : { tickCount: 4 },
  });
  const values = rows.map((row) => ({ ...row, error: row.error || foot }));
  const axes = { x: memoryAxis(all, memory), y };
  const { color } = byPolicy(styles, "points");
  return [{ ...size, layer: [points(values, axes, styles), ...labels(values, axes, color, digits)] }];
}

/** PyTorch's rows among the same points, which need other scales. */
function peersPart(
  rows: readonly Row[],
  peers: readonly Row[],
  styles: Styles,
  [memoryOf, speedOf]: string[],
): Spec {
  const all = [...rows, ...peers];
  const axes: Axes = {
    x: memoryAxis(all, `buffers, or PyTorch's peak, of ${memoryOf}'s buffers`),
    y: axis("speed", `speed, of ${speedOf}'s`, logarithmic(numbers(all, "speed")), {
      format: "~g",
      tickCount: 6,
    }),
  };
  return {
    ...size,
    layer: [
      points(rows, axes, styles),
      {
        data: { values: peers },
        mark: { type: "point", shape: "cross", filled: true, size: 60, opacity: 1 },
        encoding: { ...axes, color: unlessBeaten(black) },
      },
      ...labels(peers, axes, black, letters, rows.map((row) => markOf(row, axes))),
    ],
  };
}

/** The names of all points, a line each: grey where they are beaten. */
function names(rows: readonly Row[], peers: readonly Row[]): Spec {
  const lines = [...rows, ...peers].map(({ text, beaten }, line) => ({ text, beaten, line }));
  return {
    width: 360,
    height: lines.length * lineHeight,
    data: { values: lines },
    mark: { type: "text", align: "left", baseline: "top", fontSize: 10 },
    encoding: {
      x: { value: 0 },
      y: {
        field: "line",
        type: "quantitative",
        axis: null,
        scale: { domain: [lines.length, 0], nice: false },
      },
      text: { field: "text" },
      color: unlessBeaten(black, greyText),
    },
  };
}
