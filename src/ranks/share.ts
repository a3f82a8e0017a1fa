import { UserError } from "../errors.ts";

/** What ranks part between them: the sequences of a batch, or the tokens of every sequence. */
export const spreads = ["batch", "sequence"] as const;
export type Spread = typeof spreads[number];

/** What each rank keeps a part of, in place of all: nothing, or Adam's moments (ZeRO, stage 1, arXiv 1910.02054). */
export const shardings = ["none", "moments"] as const;
export type Sharding = typeof shardings[number];

/** Which part of a step is a rank's. */
export interface Share {
  readonly over: Spread;
  readonly rank: number;
  readonly size: number;
}

/** The share of a process in a step that so many ranks take; undefined where it is one. The first rank's are the largest parts. */
export function shareOf(
  { ranks = 1, spread = "sequence", rank = 0 }: {
    readonly ranks?: number;
    readonly spread?: Spread;
    readonly rank?: number;
  },
): Share | undefined {
  return ranks > 1 ? { over: spread, rank, size: ranks } : undefined;
}

/** Things in a row, some of more. */
export interface Part {
  readonly first: number;
  readonly count: number;
}

/** A rank's part of so many things: in the order of the ranks, as equal as can be, where it does not divide one more to the first. */
export function partOf(whole: number, { rank, size }: Pick<Share, "rank" | "size">): Part {
  const [each, more] = [Math.floor(whole / size), whole % size];
  return { first: rank * each + Math.min(rank, more), count: each + Number(rank < more) };
}

/** By rank a part of so many things, all of one length: in the order of the ranks, and where they do not divide, the last overlap. */
export function evenParts(whole: number, size: number): Part[] {
  const count = Math.ceil(whole / size);
  return Array.from({ length: size }, (_, rank) => ({ first: Math.min(rank * count, whole - count), count }));
}

/** Numbers that can be cut without a copy. */
type Values<Own> = {
  readonly length: number;
  subarray(begin: number, end: number): Own;
  set(values: Own, at: number): void;
};

/** A rank's part of values that lie one sequence (or image) after the other, `batch` of them; all without a share. */
export function ownValues<Own extends Values<Own> & ArrayLike<number>>(
  values: Own,
  batch: number,
  share?: Share,
): Own {
  if (!share) return values;
  const each = values.length / batch;
  if (share.over === "batch") {
    const { first, count } = partOf(batch, share);
    return values.subarray(first * each, (first + count) * each);
  }
  const { first, count } = partOf(each, share);
  const own = new (values.constructor as new (length: number) => Own)(batch * count);
  for (let i = 0; i < batch; i++) {
    own.set(values.subarray(i * each + first, i * each + first + count), i * count);
  }
  return own;
}

/** Throws a UserError where a rank would have nothing to do. */
export function refuseIdleRanks(
  { batch, sequence }: { readonly batch: number; readonly sequence: number },
  { over, size }: Share,
): void {
  const [things, count] = over === "batch"
    ? ["sequences of a batch", batch]
    : ["tokens of a sequence", sequence];
  if (size > count) {
    throw new UserError(`${size} ranks cannot share ${count} ${things}; take at most ${count}`);
  }
}
