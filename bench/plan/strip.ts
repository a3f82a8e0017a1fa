import { categories, categoryName } from "../../src/memory/category.ts";
import { bytes } from "../../src/text/format.ts";
import { columns, type LiveStep, peakInWords, type Span } from "./live_step.ts";

/** Heights of a column, in eighths. */
const heights = " ▁▂▃▄▅▆▇█";

/**
 * What is live over a step, as lines of at most so many characters: a line for each category and one for the total, each after its highest
 * and on a scale of its own, with sections and blocks above and the peak's place below.
 */
export function strip(step: LiveStep, width: number): string {
  const rows = [
    ...categories.map((category) => ({ name: categoryName(category), live: step.live[category] })),
    { name: "total", live: step.total },
  ].map(({ name, live }) => ({ name, live, most: largest(live) })).filter(({ most }) => most > 0);
  const names = Math.max(...rows.map(({ name }) => name.length));
  const sizes = Math.max(...rows.map(({ most }) => bytes(most).length));
  const lead = (name: string, size = "") => `${name.padEnd(names)}  ${size.padStart(sizes)} `;
  const parts = columns(step, Math.max(1, width - lead("").length));
  const place = (dispatch: number) => parts.findIndex(({ last }) => dispatch <= last);
  const bar = (live: Float64Array, most: number) =>
    parts.map(({ at }) => heights[live[at] && Math.max(1, Math.round(8 * live[at] / most))]).join("");
  const isWide = ({ name, first, last }: Span<string>) => place(last) - place(first) >= name.length;
  return [
    lead("") + labels(step.sections.filter(isWide), place, parts.length),
    ...step.blocks.length ? [lead("block") + labels(step.blocks, place, parts.length)] : [],
    ...rows.map(({ name, live, most }) => lead(name, bytes(most)) + bar(live, most)),
    marked(peakInWords(step), place(step.peak.at), lead(""), width),
  ].map((line) => line.trimEnd()).join("\n");
}

const largest = (live: Float64Array) => live.reduce((most, bytes) => Math.max(most, bytes), 0);

/** A line that names spans where they begin: those for whose names there is room. */
function labels(spans: readonly Span<unknown>[], place: (dispatch: number) => number, width: number): string {
  return spans.reduce((line, { name, first }) => {
    const from = place(first);
    const text = `${name}`;
    const free = line.length === 0 || line.length < from;
    return free && from + text.length <= width ? line.padEnd(from) + text : line;
  }, "");
}

/** A mark at a place with words beside it, or below where there is no room. */
function marked(words: string, place: number, lead: string, width: number): string {
  const mark = `${lead}${" ".repeat(place)}▲`;
  return mark.length + 1 + words.length <= width ? `${mark} ${words}` : `${mark}\n${words}`;
}
