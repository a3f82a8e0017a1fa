import { partOf, type Share } from "./share.ts";

/** The heads that a rank attends with. */
export interface OwnHeads {
  /** Heads of queries, in a row; there are none where there are more ranks than heads. */
  readonly first: number;
  readonly count: number;
  /** The heads of keys and values that these read, so that each is read by equally many neighbours: one may be there several times. */
  readonly keys: readonly number[];
}

/** A rank's heads: those of queries as equal a number as can be, in the order of the ranks. */
export function headsOf(
  rank: Pick<Share, "rank" | "size">,
  { heads, keyHeads = heads }: { readonly heads: number; readonly keyHeads?: number },
): OwnHeads {
  const { first, count } = partOf(heads, rank);
  const read = Array.from({ length: count }, (_, i) => Math.floor((first + i) * keyHeads / heads));
  const keys = [...new Set(read)];
  const readers = keys.map((key) => read.filter((other) => other === key).length);
  return { first, count, keys: readers.every((some) => some === readers[0]) ? keys : read };
}
