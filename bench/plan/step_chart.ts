import { categories, type Category, categoryName } from "../../src/memory/category.ts";
import { bytes } from "../../src/text/format.ts";
import { memoryUnit, type Row, type Spec } from "../report/chart_panels.ts";
import { draw } from "../report/draw.ts";
import { categoryColors } from "../report/memory_chart.ts";
import { columns, type LiveStep, peakInWords, type Section, type Span } from "./live_step.ts";

/** A step to draw: what it is, and what is live over it. */
export interface DrawnStep {
  readonly model: string;
  readonly policy: string;
  readonly subtitle: string;
  readonly step: LiveStep;
  readonly bufferBytes: number;
}

const [width, height] = [840, 260];
/** Parts of a step that are drawn: about one for every two pixels. */
const mostColumns = 420;

/** Draws what is live over steps on such an adapter, one below the other; the heights of one model have one scale. Equal steps give equal bytes. */
export function drawSteps(steps: readonly DrawnStep[], adapter: string): Promise<string> {
  const mostOf = (model: string) =>
    Math.max(
      ...steps.filter((one) => one.model === model)
        .map(({ step, bufferBytes }) => Math.max(step.peak.bytes, bufferBytes)),
    );
  const used = categories.filter((category) =>
    steps.some(({ step }) => step.live[category].some((bytes) => bytes > 0))
  );
  const stands = (category: Category) =>
    steps.every(({ step: { live } }) => live[category].every((bytes) => bytes === live[category][0]));
  const shown = [...used.filter(stands), ...used.filter((category) => !stands(category))];
  const panels = steps.map(({ model, policy, subtitle, step, bufferBytes }) => ({
    title: {
      text: `${model}, ${policy}`,
      subtitle: inLines(subtitle),
      anchor: "start",
      fontSize: 12,
      subtitleFontSize: 11,
    },
    spacing: 2,
    vconcat: [places(step), bytesOver(step, bufferBytes, mostOf(model), shown)],
    resolve: { scale: { x: "shared" } },
  }));
  const caption =
    `Bytes live over a training step on ${adapter}, by plan: at each dispatch; where several share a column, the highest`;
  return draw({ columns: 1, spacing: 28, concat: panels, resolve: { scale: { color: "shared" } } }, caption);
}

/** Letters of a line that is as wide as the picture is held to be: where no canvas measures a letter it counts as 0.8 of its size. */
const mostLetters = Math.floor(width / (0.8 * 11));

/** What a step is in lines that widen no picture, parted where its words are. */
function inLines(subtitle: string): string | string[] {
  const lines = subtitle.split("; ").reduce<string[]>(([...lines], part) => {
    const longer = `${lines.at(-1)}; ${part}`;
    if (lines.length > 0 && longer.length <= mostLetters) return [...lines.slice(0, -1), longer];
    return [...lines, part];
  }, []);
  return lines.length > 1 ? lines : subtitle;
}

const xOf = (step: LiveStep, axis: Spec | null) => ({
  type: "quantitative",
  scale: { domain: [0, step.dispatches], nice: false },
  axis,
});

const sectionColors: Record<Section, string> = {
  forward: "#e8e8e8",
  head: "#b4b4b4",
  backward: "#d0d0d0",
  update: "#b4b4b4",
};

const pixelsOf = ({ first, last }: Span<unknown>, dispatches: number) =>
  (last + 1 - first) * width / dispatches;

const middleOf = ({ first, last }: Span<unknown>, dispatches: number) =>
  (first + last + 1) / 2 * width / dispatches;

/** Pixels of a letter of a section's name. */
const letter = 5;

/** The sections whose names have a place: they may stick out to both sides, and lie over no wider section's. */
function namedSections({ sections, dispatches }: LiveStep): ReadonlySet<Span<Section>> {
  const middle = (span: Span<Section>) => middleOf(span, dispatches);
  const pixels = (span: Span<Section>) => pixelsOf(span, dispatches);
  const named = new Set<Span<Section>>();
  for (const span of sections.toSorted((a, b) => pixels(b) - pixels(a))) {
    const isFree = [...named].every((other) =>
      Math.abs(middle(span) - middle(other)) >= letter * (span.name.length + other.name.length + 1) / 2
    );
    if (isFree && pixels(span) >= 2 * span.name.length) named.add(span);
  }
  return named;
}

/** Above the bytes: the sections of the step, and its blocks by number. */
function places(step: LiveStep): Spec {
  const row = (line: string, { first, last }: Span<unknown>, fill: string, text: string): Row => ({
    ...{ line, first, end: last + 1, middle: (first + last + 1) / 2, fill, text },
  });
  /** Of narrow blocks every second has its number, or every fourth and so on, and none that would lie over the line's name. */
  const isNumbered = (span: Span<number>) =>
    span.name % 2 ** Math.max(0, Math.ceil(Math.log2(14 / pixelsOf(span, step.dispatches)))) === 0 &&
    middleOf(span, step.dispatches) >= letter * `${span.name}`.length / 2;
  const named = namedSections(step);
  const values = [
    ...step.sections.map((span) =>
      row("section", span, sectionColors[span.name], named.has(span) ? span.name : "")
    ),
    ...step.blocks.map((span) =>
      row("block", span, span.name % 2 ? "#d0d0d0" : "#e8e8e8", isNumbered(span) ? `${span.name}` : "")
    ),
  ];
  const y = {
    field: "line",
    type: "nominal",
    sort: null,
    title: null,
    scale: { paddingInner: 0.1, paddingOuter: 0 },
    axis: { ticks: false, domain: false },
  };
  return {
    width,
    height: 30,
    data: { values },
    layer: [
      {
        mark: "rect",
        encoding: {
          x: { field: "first", ...xOf(step, null) },
          x2: { field: "end" },
          y,
          fill: { field: "fill", type: "nominal", scale: null },
        },
      },
      {
        transform: [{ filter: "datum.text" }],
        mark: { type: "text", fontSize: 9, color: "#333" },
        encoding: {
          x: { field: "middle", ...xOf(step, null) },
          y,
          text: { field: "text" },
        },
      },
    ],
  };
}

/** Bytes by category, one on top of the other, with the peak and the buffers that hold it all. */
function bytesOver(
  step: LiveStep,
  bufferBytes: number,
  most: number,
  shown: readonly Category[],
): Spec {
  const { unit, bytes: unitBytes } = memoryUnit(most);
  const { peak, dispatches } = step;
  const x = { field: "at", ...xOf(step, { title: "dispatches, in order", grid: false, format: "d" }) };
  const y = {
    type: "quantitative",
    title: unit,
    scale: { domain: [0, 1.2 * most / unitBytes], nice: false },
    axis: { tickCount: 6 },
  };
  const color = {
    field: "category",
    type: "nominal",
    title: null,
    sort: null,
    scale: {
      domain: shown.map(categoryName),
      range: shown.map((category) => categoryColors[category]),
    },
    legend: { orient: "right" },
  };
  const named = namedSections(step);
  const peakAt = (peak.at + 0.5) / dispatches;
  const [align, other] = peakAt < 0.35
    ? ["left", "right"]
    : peakAt > 0.65
    ? ["right", "left"]
    : ["center", "left"];
  const one = (row: Row) => ({ values: [row] });
  return {
    width,
    height,
    layer: [
      {
        data: { values: stacked(step, shown, unitBytes) },
        mark: { type: "area", interpolate: "step-after" },
        encoding: { x, y: { field: "low", ...y }, y2: { field: "high" }, color },
      },
      {
        data: {
          values: step.sections.slice(1).filter((span) => named.has(span)).map(({ first }) => ({
            at: first,
          })),
        },
        mark: { type: "rule", color: "#666", opacity: 0.35, strokeWidth: 0.75 },
        encoding: { x },
      },
      {
        data: one({ size: bufferBytes / unitBytes }),
        mark: { type: "rule", strokeDash: [5, 3], color: "#333" },
        encoding: { y: { field: "size", ...y } },
      },
      {
        data: one({
          at: other === "left" ? 0 : dispatches,
          size: bufferBytes / unitBytes,
          text: `buffers ${bytes(bufferBytes)}`,
        }),
        mark: {
          type: "text",
          align: other,
          baseline: "bottom",
          dx: other === "left" ? 4 : -4,
          dy: -3,
          fontSize: 10,
        },
        encoding: { x, y: { field: "size", ...y }, text: { field: "text" } },
      },
      {
        data: one({ at: peak.at + 0.5, size: peak.bytes / unitBytes }),
        mark: {
          type: "point",
          shape: "triangle-down",
          filled: true,
          color: "#000",
          size: 50,
          yOffset: -5,
          opacity: 1,
        },
        encoding: { x, y: { field: "size", ...y } },
      },
      {
        data: one({
          at: peak.at + 0.5,
          size: Math.max(peak.bytes, bufferBytes) / unitBytes,
          text: peakInWords(step),
        }),
        mark: { type: "text", align, baseline: "bottom", dy: -17, fontSize: 10, fontWeight: "bold" },
        encoding: { x, y: { field: "size", ...y }, text: { field: "text" } },
      },
    ],
  };
}

/** The lower and the upper edge of each category where either changes. */
function stacked(
  step: LiveStep,
  shown: readonly Category[],
  unitBytes: number,
): Row[] {
  const parts = columns(step, mostColumns);
  const edge = (bytes: number) => Number((bytes / unitBytes).toPrecision(5));
  let below = parts.map(() => 0);
  return shown.flatMap((category) => {
    const low = below;
    below = parts.map(({ at }, i) => low[i] + step.live[category][at]);
    const rows = parts.map(({ first }, i) => ({
      at: first,
      category: categoryName(category),
      low: edge(low[i]),
      high: edge(below[i]),
    }));
    const changes = rows.filter(({ low, high }, i) =>
      i === 0 || low !== rows[i - 1].low || high !== rows[i - 1].high
    );
    return [...changes, { ...rows.at(-1)!, at: step.dispatches }];
  });
}
