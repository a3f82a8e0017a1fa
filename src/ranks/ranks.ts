/** The processes that share a step, as one of them sees it. All of them call the same methods in the same order. */
export interface Ranks {
  /** Its number, from 0. */
  readonly rank: number;
  readonly size: number;
  /**
   * Sends each rank its block and receives one from each. Blocks lie side by side in the order of the ranks; the counts, in numbers, say where
   * one ends. What is sent must not overlap what is received.
   */
  allToAll(sent: Float32Array, sentCounts: Counts, received: Float32Array, receivedCounts: Counts): void;
  /** Sends each other rank the same, and receives as many numbers from each of them, side by side in their order. */
  gather(sent: Float32Array, received: Float32Array): void;
  /** Element by element the sum over all ranks, the same bits on each. What is received is only written. */
  sum(sent: Float32Array, received: Float32Array): void;
  /** Ends all ranks at once, with exit code 1. */
  abort(): never;
  /** Says that this rank is done; nothing can be called any more. */
  close(): void;
}

type Counts = readonly number[];

/** One process alone. */
export const alone: Ranks = {
  rank: 0,
  size: 1,
  allToAll: (sent, _, received) => received.set(sent),
  gather() {},
  sum: (sent, received) => received.set(sent),
  abort: () => Deno.exit(1),
  close() {},
};

/** For each rank, in their order, the bytes that it gives. */
export function gathered(ranks: Summing, own: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const lengths = [
    ...summed(ranks, Array.from({ length: ranks.size }, (_, i) => i === ranks.rank ? own.length : 0)),
  ];
  const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b));
  const places = new Float32Array(ends.at(-1)!);
  places.set(own, ends[ranks.rank] - own.length);
  const all = Uint8Array.from(summed(ranks, places)); // each place is zero on all ranks but one
  return lengths.map((length, i) => all.slice(ends[i] - length, ends[i]));
}

/** For each rank, in their order, what it tells. */
export function toldBy<T>(ranks: Summing, own: T): T[] {
  const bytes = gathered(ranks, new TextEncoder().encode(JSON.stringify(own)));
  return bytes.map((text) => JSON.parse(new TextDecoder().decode(text)));
}

/** Whether any rank says so. */
export const anyOf = (ranks: Summing, own: boolean): boolean => summed(ranks, [Number(own)])[0] > 0;

/** The number that the first rank says. */
export const ofFirst = (ranks: Summing, own: number): number =>
  summed(ranks, [ranks.rank === 0 ? own : 0])[0];

type Summing = Pick<Ranks, "rank" | "size" | "sum">;

function summed(ranks: Summing, own: ArrayLike<number>): Float32Array {
  const sums = new Float32Array(own.length);
  ranks.sum(Float32Array.from(own), sums);
  return sums;
}
