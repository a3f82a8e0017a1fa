import { markdownTable } from "markdown-table";
import type { Cell } from "./cell_rounds.ts";
import { ratio } from "../../src/text/format.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";

/** Peak memory that Mesa's authors report, in MiB (they write MB), at batch 128 and 224² under AMP (arXiv 2111.11124). */
export const published: Record<string, { amp: number; mesa: number }> = {
  "deit-tiny": { amp: 4171, mesa: 1858 },
  "deit-small": { amp: 8459, mesa: 3840 },
  "deit-base": { amp: 17691, mesa: 8616 },
};
/** The batch of the published figures. */
export const publishedBatch = 128;

/** The policies of that table. */
export const paperPolicies = ["exact", "mesa8-paper", "mesa8"];

const quantities: [string, (cell: Cell) => number | undefined][] = [
  ["buffers", (cell) => cell.memory?.bufferBytes],
  ["live peak", (cell) => cell.memory?.livePeakBytes],
  ["saved activations", (cell) => cell.memory?.savedBytes],
];

/** What is f32 of a sweep that computes products in some arithmetic, in words. */
const computedIn = (arithmetic: string): string =>
  arithmetic === "f32"
    ? "all arithmetic is f32"
    : `all arithmetic but that of products, in ${arithmetic}, is f32`;

const differences = (arithmetic: string) =>
  "What the two count is not the same:\n\n" + [
    "The published figure is PyTorch's `torch.cuda.max_memory_allocated`: all tensors of its caching allocator, the workspaces of " +
    "cuDNN and cuBLAS among them. The authors write MB; it is MiB. Nearest to it is the **live peak**.",
    "Theirs trains with f16 autocast, so that most activations are half as large before Mesa begins; `exact` here keeps f32, and " +
    `${computedIn(arithmetic)}.`,
    "Their attention materialises logits and probabilities. So does `mesa8-paper`; `exact` and `mesa8` compute the probabilities again, " +
    "tile by tile.",
    "**buffers** are planned before the first step and hold everything: uniforms, weights, gradients and both Adam moments included.",
    "The classifier here reads the class token's row alone, so that the head has one row for each image.",
  ].map((line) => `- ${line}`).join("\n");

/** Mesa's published memory beside what was measured, with what differs, as markdown; null if none of its cells was measured. */
export function paperSection(comparisons: readonly Comparison<Cell>[]): string | null {
  const told = comparisons.filter(({ batch, model }) => batch === publishedBatch && published[model]);
  const rows = told
    .flatMap(({ model, cells }) => {
      const shown = paperPolicies.map((policy) => cells.get(policy));
      const measured = quantities.map((
        [label, value],
      ) => [label, ...beside(shown.map((cell) => cell && value(cell)))]);
      const { amp, mesa } = published[model];
      const lines = [
        ["published, AMP", ...beside([amp, mesa].map((size) => size * 2 ** 20)), "–"],
        ...measured.filter((line) => line.slice(1).some((text) => text !== "–")),
      ];
      return lines.length === 1 ? [] : lines.map((line, i) => [i === 0 ? model : "", ...line]);
    });
  if (rows.length === 0) return null;
  const table = markdownTable([["model", "", ...paperPolicies], ...rows], {
    align: ["l", "l", "r", "r", "r"],
  });
  const { arithmetic = stepDefaults.arithmetic } = baseOf(told[0]).configuration; // a sweep's own, which its rows share
  return `${table}\n\n${differences(arithmetic)}`;
}

/** "1858 MiB" */
export const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** Bytes in MiB, each but the first with its ratio to the first. */
function beside([base, ...others]: (number | undefined)[]): string[] {
  return [
    base === undefined ? "–" : mebibytes(base),
    ...others.map((bytes) =>
      bytes === undefined ? "–" : base ? `${mebibytes(bytes)} (${ratio(bytes / base)})` : mebibytes(bytes)
    ),
  ];
}
