import { plural } from "../../src/text/format.ts";
import type { CellRecord } from "../results/results.ts";
import type { Told } from "../results/run_header.ts";
import { type Cell, withoutNull } from "./cell_rounds.ts";
import { dominance } from "./dominance.ts";
import { byFamily } from "./families.ts";
import { frontierAnswers } from "./frontier_answers.ts";
import { digits, gradientError } from "./gradient_tables.ts";
import { longestSentence } from "./longest.ts";
import { reinvestmentAnswer } from "./reinvestment.ts";
import { lossDifferences, lossSentence } from "./losses.ts";
import { ranksSentences } from "./ranks_table.ts";
import { baseName, savings, subject } from "./savings.ts";
import type { Comparison } from "./side_by_side.ts";
import { unproved } from "./unproved.ts";
import { code } from "./words.ts";

/** What a run's records say in sentences, as markdown: what each policy saves and costs, who is beaten by whom, and what was not proved. */
export function answers(
  records: readonly CellRecord[],
  all: readonly Comparison<Cell>[],
  told: Told = {},
): string {
  const comparisons = withoutNull(all);
  const frontier = frontierAnswers(comparisons, told);
  const shared = ranksSentences(comparisons);
  const rest = [
    frontier ?? dominance(comparisons),
    losses(comparisons),
    frontier === null ? gradients(comparisons) : null,
    doesNotFit(comparisons),
    longestSentence(told, comparisons),
  ];
  const reinvested = reinvestmentAnswer(told, records);
  return [
    ...reinvested === null ? [] : [reinvested],
    ...frontier === null ? saved(comparisons) : [], // too many for a line each
    ...shared.length ? [bullets(shared)] : [],
    ...rest.filter((sentence) => sentence !== null),
    "**Not proved**:",
    bullets(unproved(records, all)),
  ].join("\n\n");
}

const bullets = (lines: readonly string[]) => lines.map((line) => `- ${line}`).join("\n");

/** What each policy takes and costs beside the base, of each family by itself where a sweep has several. */
function saved(comparisons: readonly Comparison<Cell>[]): string[] {
  const families = byFamily(comparisons) ?? [{ family: "", comparisons }];
  return families.flatMap(({ family, comparisons }) => {
    const lines = savings(comparisons);
    const shapes = comparisons.length === 1
      ? subject({ comparison: comparisons[0] })
      : plural(comparisons.length, "model and size", "models and sizes");
    const opening = family ? `**${family}**, beside` : "Beside";
    return lines.length ? [`${opening} ${code(baseName(comparisons))}, over ${shapes}:`, bullets(lines)] : [];
  });
}

function losses(comparisons: readonly Comparison<Cell>[]): string | null {
  const differences = lossDifferences(comparisons);
  return differences.length ? lossSentence(differences) : null;
}

/** The policies with the smallest and the largest error of each comparison. */
function gradients(comparisons: readonly Comparison<Cell>[]): string | null {
  const sentences = comparisons.flatMap((comparison) => {
    const errors = [...comparison.cells].flatMap(([policy, cell]) => {
      const error = gradientError(cell);
      return error ? [{ policy, error }] : [];
    }).toSorted((a, b) => a.error - b.error);
    if (errors.length < 2) return [];
    const [best, worst] = [errors[0], errors.at(-1)!];
    return [
      `The gradient of ${code(best.policy)} lies nearest to \`exact\`'s, ${
        digits(best.error)
      } of its norm away, that of ${code(worst.policy)} furthest, ${digits(worst.error)} (${
        subject({ comparison })
      }).`,
    ];
  });
  return sentences.length ? sentences.join(" ") : null;
}

/** Where the base runs out of memory and another policy trains. */
function doesNotFit(comparisons: readonly Comparison<Cell>[]): string | null {
  const base = baseName(comparisons);
  const found = comparisons.filter(({ cells }) => cells.get(base)?.failure?.status === "oom");
  return found.length
    ? `${code(base)} does not fit ${found.map((comparison) => subject({ comparison })).join("; ")}.`
    : null;
}
