import type { ProgramBuilder } from "./builder.ts";
import type { Exchange, Stays } from "./exchange.ts";
import { bytesOf, type Piece, within } from "./pieces.ts";
import type { Tensor } from "./tensor.ts";

/** Bytes that are staged at once, each way: what is more is exchanged in several goes. */
export const mostBytes = 2 ** 27;

/** What is exchanged together, as much at a time as may be staged at once: an exchange costs a wait, whatever it moves. */
export class Together<T> {
  #waiting: T[] = [];

  constructor(
    readonly most: number,
    private readonly bytes: (one: T) => number,
    private readonly exchange: (all: readonly T[]) => void,
  ) {}

  /** Exchanges what is complete; if not at once, when more come, or at the end. */
  add(one: T): void {
    const bytes = this.#waiting.reduce((sum, other) => sum + this.bytes(other), this.bytes(one));
    if (bytes > this.most) this.end();
    this.#waiting.push(one);
  }

  /** Exchanges all that waits. */
  end(): void {
    if (this.#waiting.length > 0) this.exchange(this.#waiting.splice(0));
  }
}

/** The name of what is exchanged together: of the first tensor, to the last. */
export const namesOf = (tensors: readonly Tensor[]): string =>
  tensors.length === 1 ? tensors[0].name : `${tensors[0].name} to ${tensors.at(-1)!.name}`;

/** By rank the part of a tensor that it has made, all of as many bytes: they may overlap where all make the same. */
export type Shards = readonly Piece[];

/** Tensors of which each rank has made a part, and all want the whole. */
export const gathers = (builder: ProgramBuilder, rank: number, most = mostBytes): Together<Shards> =>
  new Together(most, (shards) => bytesOf(shards), (all) => gatherOverRanks(builder, all, rank, most));

/** Emits that each rank sends its part of tensors to all others. */
function gatherOverRanks(builder: ProgramBuilder, all: readonly Shards[], rank: number, most: number): void {
  const byRank = all[0].map((_, of) => all.map((shards) => shards[of]));
  const name = `parts of ${namesOf(all.map(([{ tensor }]) => tensor))}`;
  for (const { offset, bytes } of goes(bytesOf(byRank[0]), Math.floor(most / byRank.length / 4) * 4)) {
    const parts = byRank.map((pieces) => within(pieces, offset, bytes));
    builder.exchange({
      name,
      leaves: parts[rank],
      arrives: parts.toSpliced(rank, 1).flat(),
      carry: (ranks, left, arrived) => ranks.gather(left, arrived),
    });
  }
}

/** What a rank sends to each and receives from each, in pieces, and what is its own. */
export interface Messages {
  readonly leaves: readonly (readonly Piece[])[];
  readonly arrives: readonly (readonly Piece[])[];
  readonly stays?: Stays;
}

/**
 * Emits an exchange of messages between all ranks. `longest` is the bytes of the longest that any sends to any: by it all know how often to
 * exchange.
 */
export function allToAll(
  builder: ProgramBuilder,
  name: string,
  { leaves, arrives, stays }: Messages,
  longest: number,
  most = mostBytes,
): void {
  const each = Math.floor(most / leaves.length / 4) * 4;
  for (const { offset, bytes } of goes(longest, each)) {
    const [out, back] = [leaves, arrives].map((of) => of.map((pieces) => within(pieces, offset, bytes)));
    const [sent, received] = [out, back].map((of) => of.map(numbersOf));
    const carry: Exchange["carry"] = (ranks, left, arrived) => ranks.allToAll(left, sent, arrived, received);
    builder.exchange({
      ...{ name, leaves: out.flat(), arrives: back.flat(), carry },
      ...stays && offset === 0 && { stays },
    });
  }
}

/** So many bytes in parts of at most `most`. */
const goes = (bytes: number, most: number) =>
  Array.from({ length: Math.ceil(bytes / most) }, (_, i) => ({
    offset: i * most,
    bytes: Math.min(most, bytes - i * most),
  }));

const numbersOf = (pieces: readonly Piece[]) => bytesOf(pieces) / 4;
