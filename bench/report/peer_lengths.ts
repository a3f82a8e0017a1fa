import { markdownTable } from "markdown-table";
import { statusWords } from "../results/results.ts";
import { number } from "../../src/text/format.ts";
import { fullNameOfRow, type PeerRow } from "./peer_records.ts";

/** One row at each length that it was tried at, shortest first. */
type Search = readonly PeerRow[];

/** Rows that were tried at several lengths of one model and batch, by model and batch; and all others. */
export function searchesOf(rows: readonly PeerRow[]): { searches: Search[][]; others: PeerRow[] } {
  const keyOf = ({ model, batch }: PeerRow) => JSON.stringify([model, batch]);
  const bySize = [...Map.groupBy(rows, keyOf).values()];
  const isSearched = (of: readonly PeerRow[]) =>
    of.some((row) => of.some((other) => isSameRow(row, other) && row.sequence !== other.sequence));
  return {
    searches: bySize.filter(isSearched).map((of) =>
      [...Map.groupBy(of, fullNameOfRow).values()].map((search) =>
        search.toSorted((a, b) => a.sequence - b.sequence)
      )
    ),
    others: bySize.filter((of) => !isSearched(of)).flat(),
  };
}

const isSameRow = (one: PeerRow, other: PeerRow) => fullNameOfRow(one) === fullNameOfRow(other);

/** The longest sequence that a row trained. */
export const longest = (search: Search): PeerRow | undefined => search.findLast(({ failure }) => !failure);

/** "llama-1b, batch 1" */
export const searchedSubject = ([[{ model, batch }]]: Search[]): string => `${model}, batch ${batch}`;

/** How long a sequence each row trains, what that takes, and where memory ends; then every length, as markdown tables. */
export function lengthTables(searches: Search[]): string {
  const ends = searches.map((search) => {
    const [long, failed] = [longest(search), search.find(({ failure }) => failure)];
    return [
      ...columns(search[0]),
      long ? number(long.sequence) : "–",
      ...reached(long),
      failed ? `${number(failed.sequence)}: ${statusWords[failed.failure!.status]}` : "–",
    ];
  });
  const [{ unit }] = searches[0];
  const all = searches.flat().toSorted((a, b) => a.sequence - b.sequence).map((row) => [
    number(row.sequence),
    ...columns(row),
    ...row.failure ? [statusWords[row.failure.status], "–"] : reached(row),
  ]);
  const reach = [`${unit}/s`, "peak MiB"];
  return [
    markdownTable([["arithmetic", "form", "optimizer", "longest", ...reach, "does not fit"], ...ends], {
      align: ["l", "l", "l", "r", "r", "r", "r"],
    }),
    markdownTable([["tokens", "arithmetic", "form", "optimizer", ...reach], ...all], {
      align: ["r", "l", "l", "l", "r", "r"],
    }),
  ].join("\n\n");
}

const columns = ({ arithmetic, form, compiled, optimizer }: PeerRow) => [
  arithmetic,
  compiled ? `${form}, compiled` : form,
  optimizer,
];

/** Speed and peak of a row. */
const reached = (row: PeerRow | undefined): [speed: string, peak: string] => [
  row?.speed ? number(row.speed.median) : "–",
  row?.peakBytes == null ? "–" : number(row.peakBytes / 2 ** 20),
];
