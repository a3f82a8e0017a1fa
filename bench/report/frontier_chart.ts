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
import { baseOf, type Comparison } from "./side_by_side.ts";
import { timedOf } from "./timed_cell.ts";

/**
 * Speed against memory, both as multiples of `exact`'s: the line is the interval of the speed, and what does not fit stands below the
 * points, at the memory that it would take. Comparisons in which but one cell has a speed have no panel, nor those whose base has no time that
 * counts though it ran. A policy that shares no round with the base in which both were timed alone has no point, and so no place in the legend.
 */
export function frontierPanels(comparisons: readonly Comparison<Cell>[], styles: Styles): Panel[] {
  const pictures = comparisons.flatMap((comparison) => {
    const [base, timed] = [baseOf(comparison), timedOf(comparison)];
    const points = timed ? pointsOf(comparison, base, timed) : [];
    if (!timed || points.filter(({ speed }) => speed !== undefined).length < 2) return [];
    const titles = [base, timed].map(({ configuration }) => configuration.policy);
    return [{ comparison, points, titles }];
  });
  const drawn = stylesOfRows(styles, pictures.flatMap(({ points }) => points));
  return pictures.map(({ comparison, points, titles }) => panel(comparison, frontier(points, titles, drawn)));
}

/** Whether any policy's speed has an interval. */
export const hasIntervals = (comparisons: readonly Comparison<Cell>[]): boolean =>
  comparisons.some((comparison) => {
    const timed = timedOf(comparison);
    return timed &&
      [...comparison.cells.values()].some((cell) => cell !== timed && cell.speedAgainst(timed)?.interval);
  });

function pointsOf({ cells }: Comparison<Cell>, base: Cell, timed: Cell): Row[] {
  return [...cells].flatMap(([policy, cell]): Row[] => {
    const [own, other] = [cell.memory?.bufferBytes, base.memory?.bufferBytes];
    if (!own || !other) return [];
    const speed = cell.speedAgainst(timed);
    if (speed) {
      const point = { low: speed.ratio, high: speed.ratio }; // where no interval is known
      return [{ policy, memory: own / other, speed: speed.ratio, ...speed.interval ?? point }];
    }
    return cell.failure?.status === "oom" ? [{ policy, memory: own / other }] : [];
  });
}

function frontier(points: Row[], [memoryOf, speedOf]: string[], styles: Styles): Spec {
  const speeds = points.flatMap(({ speed, low, high }) =>
    typeof speed === "number" ? [speed, low as number, high as number] : []
  );
  const [bottom, top] = roomy([1, ...speeds], 0.01);
  const absent = points.filter(({ speed }) => speed === undefined);
  const shelf = bottom - 0.12 * (top - bottom);
  const domain = [absent.length ? shelf - 0.08 * (top - bottom) : bottom, top];
  const values = points.map((point) => ({ ...point, speed: point.speed ?? shelf }));
  const x = {
    field: "memory",
    type: "quantitative",
    title: `buffers, of ${memoryOf}'s`,
    scale: { domain: [0, roomy(points.map(({ memory }) => memory as number), 0.05)[1]], nice: false },
    axis: { format: ".1f", tickCount: 5 },
  };
  const y = {
    field: "speed",
    type: "quantitative",
    title: cutAxis(`speed, of ${speedOf}'s`),
    scale: { domain, zero: false, nice: false },
    axis: { format: "~f", tickCount: 5 },
  };
  const encoding = byPolicy(styles, "points");
  const { color } = encoding;
  const of = (known: boolean) => [{ filter: `${known ? "" : "!"}isValid(datum.low)` }];
  return {
    data: { values },
    width: 210,
    height: 190,
    layer: [
      {
        transform: of(true),
        mark: { type: "rule", strokeWidth: 1.5 },
        encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color },
      },
      {
        transform: of(true),
        mark: { type: "point", size: 70, strokeWidth: 2, opacity: 1 },
        encoding: { x, y, ...encoding },
      },
      ...absent.length
        ? [{
          transform: of(false),
          mark: { type: "text", text: "✕", fontSize: 13, fontWeight: "bold" },
          encoding: { x, y, color },
        }, {
          data: { values: [{ text: "✕ does not fit" }] },
          mark: { type: "text", x: 4, align: "left", fontSize: 10, fontStyle: "italic", dy: -12 },
          encoding: { text: { field: "text" }, y: { datum: shelf, type: "quantitative" } },
        }]
        : [],
    ],
  };
}
