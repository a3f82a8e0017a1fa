import { bytes, number, ratio } from "../../src/text/format.ts";
import { recordsOf } from "../report/cell_rounds.ts";
import { ranksSection as ranksTable, ranksSentences } from "../report/ranks_table.ts";
import { sharedCards } from "../processes/shared_cards.ts";
import { code, list, paragraph } from "../report/words.ts";
import { adapterTitle } from "../results/results.ts";
import { shardedWords } from "../../src/train/step_choices.ts";
import { sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** Sweeps in which several cards shared a step, by what they parted. */
export const sharedSweeps = ({ sweeps: { ranksSequence, ranksBatch, ranksLength } }: Reports): Sweep[] =>
  [ranksSequence, ranksBatch, ranksLength].filter((sweep) => sweep !== undefined);

/** Steps that several cards shared: memory, what crossed, and what that took. */
export function ranksSection(reports: Reports): string | null {
  const shared = sharedSweeps(reports);
  if (shared.length === 0) return null;
  const cards = new Set(
    shared.flatMap(({ comparisons }) =>
      recordsOf(comparisons).map(({ environment }) => adapterTitle(environment))
    ),
  );
  const sharing = shared.some(({ comparisons }) =>
    recordsOf(comparisons).some(({ ranks = [] }) => sharedCards(ranks).length > 0)
  );
  const { ranksSequence, ranksBatch, ranksLength, ranksOne } = reports.sweeps;
  const [answer, ...others] = [
    ranksLength && ranksOne ? [lengths(ranksLength, ranksOne)] : [],
    ...[ranksBatch, ranksSequence, ranksLength].map((sweep) =>
      sweep ? ranksSentences(sweep.comparisons) : []
    ),
  ].flatMap((sentences) => sentences.length > 0 ? [sentences.join(" ")] : []);
  return [
    "### Several cards",
    ...paragraph(
      `${sharing ? "Some ranks share a card" : "Each rank has a card of its own"}, ${
        list([...cards])
      }; what crosses goes through the host, by MPI.`,
      answer ?? null,
    ),
    ...paragraph(...others),
    ...shared.map(({ comparisons }) => ranksTable(comparisons)!),
    sources(...shared, ...ranksLength && ranksOne ? [ranksOne] : []),
  ].join("\n\n");
}

/** How long a sequence several cards trained beside what one did, and in what memory: of ranks the most that one takes. */
function lengths({ comparisons: [several] }: Sweep, { comparisons: [one] }: Sweep): string {
  const cellOf = ({ cells }: typeof one) => [...cells.values()][0];
  const memory = (comparison: typeof one) => {
    const { memory, records } = cellOf(comparison);
    return bytes(
      Math.max(
        memory!.bufferBytes,
        ...records.flatMap(({ ranks = [] }) => ranks.map(({ bufferBytes }) => bufferBytes)),
      ),
    );
  };
  const { policy, arithmetic } = cellOf(several).configuration;
  const { ranks, sharding } = several.choices!;
  return `Of ${one.model} under ${code(policy)}${arithmetic ? ` in ${arithmetic}` : ""} ${
    number(one.sequence)
  } tokens take ${memory(one)} of buffers on one card, and ${number(several.sequence)}, chosen to be ${
    ratio(several.sequence / one.sequence)
  } as many, at most ${memory(several)} on each of ${ranks}${
    sharding ? `, ${shardedWords}` : ""
  }, each by a whole step.`;
}
