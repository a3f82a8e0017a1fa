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
  /** Element by element the sum over all ranks, the same bits on each. */
  sum(sent: Float32Array, received: Float32Array): void;
  /** Waits until all are here. */
  barrier(): void;
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
  sum: (sent, received) => received.set(sent),
  barrier() {},
  abort: () => Deno.exit(1),
  close() {},
};

/** For each rank, in their order, the numbers that it gives: as many as any other. Whole numbers up to 2⁴⁸ are exact. */
export function gathered(ranks: Pick<Ranks, "rank" | "size" | "sum">, own: readonly number[]): number[][] {
  const places = new Float32Array(2 * ranks.size * own.length);
  const parts = own.flatMap((number) => [Math.fround(number), number - Math.fround(number)]);
  places.set(parts, ranks.rank * parts.length);
  const all = new Float32Array(places.length);
  ranks.sum(places, all); // each place is zero on all ranks but one
  return Array.from(
    { length: ranks.size },
    (_, rank) => own.map((_, i) => all[rank * parts.length + 2 * i] + all[rank * parts.length + 2 * i + 1]),
  );
}
