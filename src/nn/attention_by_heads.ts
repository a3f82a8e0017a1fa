import type { AttentionShape } from "../../kernels/attention/attention_shape.ts";
import { type HeadBlock, putHeads, takeHeads } from "../../kernels/attention/heads.ts";
import type { ProgramBuilder } from "../gpu/builder.ts";
import type { Piece } from "../gpu/exchange.ts";
import { plain } from "../gpu/operand.ts";
import { allToAll, type Messages } from "../gpu/over_ranks.ts";
import { padded, rowBytes, type Tensor, tensorBytes } from "../gpu/tensor.ts";
import { headsOf } from "../ranks/heads.ts";
import { partOf } from "../ranks/share.ts";
import { savedQkv } from "./attention.ts";
import { type Layer, operator } from "./layer.ts";
import type { Place } from "./tape.ts";

/** Where ranks have a part of every sequence: which of them this is, the tokens of a whole one, and the place of the first of its own. */
export interface SequencePart {
  readonly rank: number;
  readonly size: number;
  readonly whole: number;
  readonly first: number;
}

/**
 * Attention over whole sequences by ranks that each have a part of every one (DeepSpeed-Ulysses, arXiv 2309.14509): queries, keys and values go
 * to the ranks of their heads, the output comes back, and so do the gradients in backward. `shape` is what one process attends over; `attend`
 * makes the attention that is left to a rank.
 */
export function attentionByHeads(
  name: string,
  shape: AttentionShape,
  part: SequencePart,
  { layer, attend }: Pick<Place, "layer"> & { attend(shape: AttentionShape, place: Place): Layer },
): Layer {
  const { batch, heads, keyHeads = heads, headSize } = shape;
  const ranks = Array.from({ length: part.size }, (_, rank) => headsOf({ rank, size: part.size }, shape));
  const queries = ranks.map(({ first, count }) => Array.from({ length: count }, (_, i) => first + i));
  const qkv = ranks.map(({ keys }, rank) => [
    ...queries[rank],
    ...keys.map((key) => heads + key),
    ...keys.map((key) => heads + keyHeads + key),
  ]);
  const turned = { batch, headSize, part };
  const { count, keys } = ranks[part.rank];
  const own = { ...shape, sequence: part.whole, heads: count, keyHeads: keys.length };
  const place = { layer, heads: count };
  const attention = attend(own, place);
  return operator("ranks", (tape, { exact: { tensor: x } }) => { // plain: a product's output, or rotated
    const { builder } = tape;
    const all = batch * part.whole;
    const { key, ...saved } = savedQkv(name, place, own);
    const ownQkv = toHeads(builder, x, qkv, turned, (cols) => tape.tensor(key, all, cols, saved));
    const emitted = ownQkv && attention(tape, { exact: plain(ownQkv) });
    const o = tape.transient(`${name} output by rows`, x.rows, heads * headSize);
    toRows(builder, emitted?.y.exact.tensor, queries, turned, o);
    return {
      y: { exact: plain(o) },
      backward: (d) => {
        const dOwn = toHeads(
          builder,
          d,
          queries,
          turned,
          (cols) => tape.transient(`d ${name} output`, all, cols),
        );
        const dqkv = tape.transient(`d ${key} by rows`, x.rows, x.cols);
        toRows(builder, dOwn && emitted!.backward(dOwn), qkv, turned, dqkv);
        return dqkv;
      },
    };
  });
}

/** How rows and heads lie: what is turned has `headSize` channels a head. */
interface Turned {
  readonly batch: number;
  readonly headSize: number;
  readonly part: SequencePart;
}

/** Emits from the heads of own rows, x, all rows of own heads; undefined where this rank has none. `heads` are each rank's. */
function toHeads(
  builder: ProgramBuilder,
  x: Tensor,
  heads: readonly (readonly number[])[],
  turned: Turned,
  make: (cols: number) => Tensor,
): Tensor | undefined {
  const { headSize, part } = turned;
  const blocks = blocksOf(builder, x, heads, headSize);
  for (const block of blocks) if (block) takeHeads(builder, x, block, headSize);
  const own = heads[part.rank].length > 0 ? make(heads[part.rank].length * headSize) : undefined;
  const [leaves, arrives] = [blocks.map((block) => piecesOf(block, turned)), rowsByRank(own, turned)];
  allToAll(builder, `${x.name} to heads`, messages(leaves, arrives, turned, true), longest(turned, heads));
  return own;
}

/** Emits from all rows of own heads, own, all heads of own rows, x; of heads that went to several ranks the sum. */
function toRows(
  builder: ProgramBuilder,
  own: Tensor | undefined,
  heads: readonly (readonly number[])[],
  turned: Turned,
  x: Tensor,
): void {
  const blocks = blocksOf(builder, x, heads, turned.headSize);
  const [leaves, arrives] = [rowsByRank(own, turned), blocks.map((block) => piecesOf(block, turned))];
  allToAll(builder, `${x.name} to rows`, messages(leaves, arrives, turned, false), longest(turned, heads));
  putHeads(builder, blocks.filter((block) => block !== undefined), x, turned.headSize);
}

/** For each rank that has heads a tensor of them, for as many rows as x has. */
function blocksOf(
  builder: ProgramBuilder,
  x: Tensor,
  heads: readonly (readonly number[])[],
  headSize: number,
): (HeadBlock | undefined)[] {
  return heads.map((own, rank) =>
    own.length === 0 ? undefined : {
      tensor: builder.tensor(`${x.name} for rank ${rank}`, x.rows, own.length * headSize, {
        category: "transient",
      }),
      heads: own,
    }
  );
}

/** Of a block, its rows of each sequence. */
function piecesOf(block: HeadBlock | undefined, { batch }: Turned): Piece[] {
  if (!block) return [];
  const { tensor } = block;
  const bytes = tensorBytes(tensor) / batch;
  return Array.from({ length: batch }, (_, i) => ({ tensor, offset: i * bytes, bytes }));
}

/** Of all rows, for each rank those that are its own: a piece of each sequence. */
function rowsByRank(all: Tensor | undefined, { batch, part }: Turned): Piece[][] {
  return Array.from({ length: part.size }, (_, rank) => {
    if (!all) return [];
    const { first, count } = partOf(part.whole, { rank, size: part.size });
    const bytes = rowBytes(all);
    return Array.from(
      { length: batch },
      (_, i) => ({ tensor: all, offset: (i * part.whole + first) * bytes, bytes: count * bytes }),
    );
  });
}

/** What crosses, and this rank's own, which does not: what is a block of its own lives on beside the other for that. */
function messages(
  leaves: Piece[][],
  arrives: Piece[][],
  { part: { rank } }: Turned,
  late: boolean,
): Messages {
  const copies = leaves[rank].map((from, i) => ({ from, to: arrives[rank][i] }));
  return { leaves: leaves.with(rank, []), arrives: arrives.with(rank, []), stays: { copies, late } };
}

/** Bytes of the longest that any rank sends to any: the first has the most rows. */
function longest({ batch, headSize, part }: Turned, heads: readonly (readonly number[])[]): number {
  const { count } = partOf(part.whole, { ...part, rank: 0 });
  return batch * count * 4 * padded(headSize * Math.max(...heads.map(({ length }) => length)));
}
