import { recordsOf } from "../report/cell_rounds.ts";
import { ranksSection as ranksTable, ranksSentences } from "../report/ranks_table.ts";
import { list } from "../report/words.ts";
import { adapterTitle } from "../results/results.ts";
import { sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** Sweeps in which several cards shared a step, by what they parted. */
export const sharedSweeps = ({ sweeps: { ranksSequence, ranksBatch } }: Reports): Sweep[] =>
  [ranksSequence, ranksBatch].filter((sweep) => sweep !== undefined);

/** Steps that several cards shared: memory, what crossed, and what that took. */
export function ranksSection(reports: Reports): string | null {
  const shared = sharedSweeps(reports);
  if (shared.length === 0) return null;
  const cards = new Set(
    shared.flatMap(({ comparisons }) =>
      recordsOf(comparisons).map(({ environment }) => adapterTitle(environment))
    ),
  );
  return [
    "### Several cards",
    `Each rank has a card of its own, ${list([...cards])}; what crosses goes through the host, by MPI. ${
      shared.flatMap(({ comparisons }) => ranksSentences(comparisons)).join(" ")
    }`,
    ...shared.map(({ comparisons }) => ranksTable(comparisons)!),
    sources(...shared),
  ].join("\n\n");
}
