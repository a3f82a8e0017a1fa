import { markdownTable } from "markdown-table";
import { bytes, ratio } from "../../src/text/format.ts";
import { inlineCode } from "../../src/text/shell.ts";
import { adapterTitle, type CellRecord } from "../results/results.ts";
import type { Told } from "../results/run_header.ts";
import { type Cell, compare } from "./cell_rounds.ts";
import { sections, softwareBrand } from "./report.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";

/** A report for a page that shows no picture, such as the summary of a workflow: bars of text, then the tables. Needs at least one record. */
export function renderSummary(records: readonly CellRecord[], told: Told = {}): string {
  const { environment } = records[0];
  return [
    `# Headroom on ${adapterTitle(environment)}`,
    ...environment.adapterClass === "software" ? [`A ${softwareBrand}.`] : [],
    ...compare(records).map(bars),
    ...sections(records, told).map(({ title, table }) =>
      `<details><summary>${title}</summary>\n\n${table}\n\n</details>`
    ),
  ].join("\n\n") + "\n";
}

/** Memory and speed of each policy as bars, against the largest and against the base. */
function bars(comparison: Comparison<Cell>): string {
  const cells = [...comparison.cells];
  const base = baseOf(comparison);
  const most = Math.max(...cells.map(([, { memory }]) => memory?.bufferBytes ?? 0));
  const speedOf = (cell: Cell) => cell === base ? base.step && 1 : cell.speedAgainst(base)?.ratio ?? null;
  const fastest = Math.max(...cells.map(([, cell]) => speedOf(cell) ?? 0));
  const rows = cells.map(([policy, cell]) => {
    const [memory, speed] = [cell.memory?.bufferBytes ?? null, speedOf(cell)];
    return [
      inlineCode(policy),
      memory === null ? "–" : `${bar(memory / most)} ${bytes(memory)}`,
      speed === null ? "–" : `${bar(speed / fastest)} ${ratio(speed)}`,
    ];
  });
  const [model, tokens] = names(comparison);
  return `**${model}, ${tokens}**\n\n${markdownTable([["policy", "buffers", "speed"], ...rows])}`;
}

const widest = 20;

/** A share of the widest bar, to an eighth of a character. */
function bar(share: number): string {
  const eighths = Math.round(8 * widest * share);
  const rest = eighths % 8;
  return "█".repeat(eighths >> 3) + (rest > 0 ? String.fromCodePoint(0x2590 - rest) : "");
}
