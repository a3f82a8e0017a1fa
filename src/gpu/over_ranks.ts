import type { ProgramBuilder } from "./builder.ts";
import type { Exchange, Piece, Stays } from "./exchange.ts";
import { type Tensor, tensorBytes } from "./tensor.ts";

/** Bytes that are staged at once, each way: what is more is exchanged in several goes. */
const mostBytes = 2 ** 27;

/** Emits, in the place of a tensor of f32, the sum of what all ranks have there: the same bits on each. */
export function sumOverRanks(builder: ProgramBuilder, tensor: Tensor, most = mostBytes): void {
  const carry: Exchange["carry"] = (ranks, left, arrived) => {
    const sums = scratch(left.length);
    ranks.sum(left, sums);
    arrived.set(sums);
  };
  for (const { offset, bytes } of goes(tensorBytes(tensor), most)) {
    const pieces = [{ tensor, offset, bytes }];
    builder.exchange({ name: `sum of ${tensor.name}`, leaves: pieces, arrives: pieces, carry });
  }
}

let room = new Float32Array();

/** So many numbers to add up in: who adds reads what there is, and what is mapped for writing is slow to read. */
function scratch(length: number): Float32Array {
  if (room.length < length) room = new Float32Array(length);
  return room.subarray(0, length);
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

/** What of pieces, one after the other, lies in so many bytes from `offset` on. */
function within(pieces: readonly Piece[], offset: number, bytes: number): Piece[] {
  let at = 0;
  return pieces.flatMap((piece) => {
    const [first, end] = [Math.max(0, offset - at), Math.min(piece.bytes, offset + bytes - at)];
    at += piece.bytes;
    return first < end ? [{ ...piece, offset: piece.offset + first, bytes: end - first }] : [];
  });
}

const numbersOf = (pieces: readonly Piece[]) => pieces.reduce((sum, { bytes }) => sum + bytes / 4, 0);
