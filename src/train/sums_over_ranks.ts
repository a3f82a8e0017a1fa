import { sumParts } from "../../kernels/products/sum_parts.ts";
import type { ProgramBuilder } from "../gpu/builder.ts";
import { allToAll, mostBytes, namesOf, Together } from "../gpu/over_ranks.ts";
import { bytesOf, type Piece, wholly } from "../gpu/pieces.ts";
import { type Tensor, tensorBytes, vectorsOf } from "../gpu/tensor.ts";
import type { Share } from "../ranks/share.ts";

/** Which of how many ranks this is. */
type Place = Pick<Share, "rank" | "size">;

/** Vectors of four numbers at multiples of which a part may begin: there a binding may. */
const unit = 16;

/** Tensors that are to be summed over ranks. */
export const sums = (builder: ProgramBuilder, place: Place, most = mostBytes): Together<Tensor> =>
  new Together(most, tensorBytes, (tensors) => sumOverRanks(builder, tensors, place, most));

/**
 * Emits, in the place of tensors of f32, the sums of what all ranks have there: the same bits on each. A rank's card adds up a part of each
 * tensor, what the others sent of it in their order and then its own, and sends it to them.
 */
export function sumOverRanks(
  builder: ProgramBuilder,
  tensors: readonly Tensor[],
  place: Place,
  most = mostBytes,
): void {
  if (bytesOf(tensors.map(wholly)) <= most) return sumTogether(builder, tensors, place, most);
  for (const tensor of tensors) {
    const numbers = tensorBytes(tensor) / 4;
    const each = Math.floor(most / 16 / unit) * 4 * unit;
    for (let first = 0; first < numbers; first += each) {
      sumTogether(builder, [vectorsOf(tensor, first, Math.min(each, numbers - first))], place, most);
    }
  }
}

function sumTogether(
  builder: ProgramBuilder,
  tensors: readonly Tensor[],
  { rank, size }: Place,
  most: number,
): void {
  const all = Array.from({ length: size }, (_, of) => of);
  const others = all.filter((other) => other !== rank);
  /** Of each tensor the vectors that are a rank's. */
  const partsOf = (of: number) =>
    tensors.map((tensor) => {
      const [first, end] = [of, of + 1].map((at) => beginning(tensor, at, size));
      return { first, count: end - first };
    });
  const byRank = all.map((of) =>
    partsOf(of).map(({ first, count }, i): Piece => ({
      ...{ tensor: tensors[i], offset: 16 * first, bytes: 16 * count },
    })).filter(({ bytes }) => bytes > 0)
  );
  // What the others send: of each tensor one after the other's, in a place that is as large on every rank.
  const places = partsOf(0).map(({ count }) => others.length * Math.ceil(count / unit) * unit);
  const name = namesOf(tensors);
  const rows = places.reduce((sum, place) => sum + place, 0);
  const theirs = builder.tensor(`others' ${name}`, rows, 4, { category: "transient" });
  const own = partsOf(rank).map((part, i) => ({
    ...part,
    at: places.slice(0, i).reduce((sum, place) => sum + place, 0),
    tensor: tensors[i],
  })).filter(({ count }) => count > 0);
  const messages = (pieces: (other: number) => Piece[]) =>
    all.map((other) => other === rank ? [] : pieces(other));
  const exchange = (what: string, leaves: (to: number) => Piece[], arrives: (from: number) => Piece[]) =>
    allToAll(
      builder,
      `${what} of ${name}`,
      { leaves: messages(leaves), arrives: messages(arrives) },
      Math.max(...byRank.map(bytesOf)),
      most,
    );
  exchange("shares", (to) => byRank[to], (from) =>
    own.map(({ at, count }) => ({
      ...{ tensor: theirs, offset: 16 * (at + others.indexOf(from) * count), bytes: 16 * count },
    })));
  for (const { at, first, count, tensor } of own) {
    const shares = vectorsOf(theirs, 4 * at, 4 * others.length * count);
    sumParts(builder, shares, others.length, vectorsOf(tensor, 4 * first, 4 * count), true);
  }
  exchange("sums", () => byRank[rank], (from) => byRank[from]);
}

/** The vector of a tensor at which a rank's part begins: parts are as equal as bindings let them be, and none is larger than the first. */
function beginning(tensor: Tensor, rank: number, size: number): number {
  const vectors = tensorBytes(tensor) / 16;
  return Math.min(vectors, rank * Math.ceil(vectors / size / unit) * unit);
}
