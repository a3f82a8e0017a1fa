import { attentionDelta } from "../../kernels/attention/attention_delta.ts";
import type { AttentionShape } from "../../kernels/attention/attention_shape.ts";
import { type HeadBlock, putHeads, takeHeads } from "../../kernels/attention/heads.ts";
import type { ProgramBuilder } from "../gpu/builder.ts";
import { type Operand, plain } from "../gpu/operand.ts";
import { allToAll, type Messages } from "../gpu/over_ranks.ts";
import type { Piece } from "../gpu/pieces.ts";
import { padded, rowBytes, type Tensor, tensorBytes } from "../gpu/tensor.ts";
import { headsOf } from "../ranks/heads.ts";
import { partOf } from "../ranks/share.ts";
import { attention, savedQkv } from "./attention.ts";
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
 * to the ranks of their heads, the output comes back, and so do the gradients in backward. `shape` and `place` are one process's. The output is
 * kept by rows, for the next layer too: fused attention's backward wants of it only delta, a number a row and head, which goes to the heads
 * beside its gradient.
 */
export function attentionByHeads(
  name: string,
  shape: AttentionShape,
  part: SequencePart,
  whole: Place,
): Layer {
  const { batch, heads, keyHeads = heads, headSize } = shape;
  const ranks = Array.from({ length: part.size }, (_, rank) => headsOf({ rank, size: part.size }, shape));
  const queries = ranks.map(({ first, count }) => Array.from({ length: count }, (_, i) => first + i));
  const qkv = ranks.map(({ keys }, rank) => [
    ...queries[rank],
    ...keys.map((key) => heads + key),
    ...keys.map((key) => heads + keyHeads + key),
  ]);
  const turned = { batch, part };
  const { count, keys } = ranks[part.rank];
  const own = { ...shape, sequence: part.whole, heads: count, keyHeads: keys.length };
  const place = { ...whole, heads: count };
  return operator("ranks", (tape, { exact: { tensor: x } }) => { // plain: a product's output, or rotated
    const { builder } = tape;
    const all = batch * part.whole;
    const { key, ...saved } = savedQkv(name, place, own);
    const fused = tape.attention === "fused";
    const [ownQkv] = toHeads(builder, qkv, turned, {
      x,
      headSize,
      own: (cols) => tape.tensor(key, all, cols, saved),
    });
    let delta: Tensor | undefined;
    const attend = attention(name, own, place, fused ? () => delta! : undefined);
    const emitted = ownQkv && attend(tape, { exact: plain(ownQkv) });
    // What is to be made again from qkv by heads alone is kept as the next layer would keep it.
    const kind = fused && !tape.recomputes({ kind: "output", ...whole }) ? "output" : "linear";
    const o = tape.tensor(`${name} output by rows`, x.rows, heads * headSize, { kind, ...whole });
    toRows(builder, emitted?.y.exact.tensor, queries, turned, { x: o, headSize });
    const kept = fused ? tape.keep(o, { key: `${name} output`, kind, ...whole }) : undefined;
    return {
      y: { exact: plain(o), kept },
      backward: (d) => {
        const gradient = {
          x: d,
          headSize,
          own: (cols: number) => tape.transient(`d ${name} output`, all, cols),
        };
        const sums = kept ? [deltaByRows(builder, d, kept(), shape, all)] : [];
        const [dOwn, ownDelta] = toHeads(builder, queries, turned, gradient, ...sums);
        delta = ownDelta;
        const dqkv = tape.transient(`d ${key} by rows`, x.rows, x.cols);
        toRows(builder, dOwn && emitted!.backward(dOwn), qkv, turned, { x: dqkv, headSize });
        return dqkv;
      },
    };
  });
}

/** How rows lie: of so many sequences parts. */
interface Turned {
  readonly batch: number;
  readonly part: SequencePart;
}

/** All heads of own rows, x, of so many channels each, and what makes a tensor for all rows of own heads. */
interface Turning {
  readonly x: Tensor;
  readonly headSize: number;
  readonly own: (cols: number) => Tensor;
  /** From one row to the next, of so many columns, where rows are not padded as ever. */
  readonly stride?: (cols: number) => number;
}

/** Delta of own rows, d ∘ o summed by head: a number a row and head, side by side as attention reads them. */
function deltaByRows(
  builder: ProgramBuilder,
  d: Tensor,
  o: Operand,
  { heads, headSize }: AttentionShape,
  allRows: number,
): Turning {
  const make = (name: string, rows: number, cols: number) =>
    builder.tensor(name, rows, cols, { category: "transient", stride: cols });
  const x = make("delta by rows", d.rows, heads);
  attentionDelta(builder, plain(d), o, x, headSize);
  return { x, headSize: 1, own: (cols) => make("delta", allRows, cols), stride: (cols) => cols };
}

/** Emits from the heads of own rows all rows of own heads, of several things at once; undefined where this rank has none. `heads` are each rank's. */
function toHeads(
  builder: ProgramBuilder,
  heads: readonly (readonly number[])[],
  turned: Turned,
  ...things: readonly Turning[]
): (Tensor | undefined)[] {
  const own = heads[turned.part.rank].length;
  const blocks = things.map((thing) => blocksOf(builder, heads, thing));
  things.forEach(({ x, headSize }, i) => {
    for (const block of blocks[i]) if (block) takeHeads(builder, x, block, headSize);
  });
  const whole = things.map(({ headSize, own: make }) => own > 0 ? make(own * headSize) : undefined);
  const rows = whole.map((tensor) => rowsByRank(tensor, turned));
  const leaves = heads.map((_, rank) => blocks.flatMap((each) => piecesOf(each[rank], turned)));
  const arrives = heads.map((_, rank) => rows.flatMap((each) => each[rank]));
  const bytes = things.reduce((sum, thing) => sum + longest(turned, heads, thing), 0);
  allToAll(builder, `${things[0].x.name} to heads`, messages(leaves, arrives, turned, true), bytes);
  return whole;
}

/** Emits from all rows of own heads, own, all heads of own rows, x; of heads that went to several ranks the sum. */
function toRows(
  builder: ProgramBuilder,
  own: Tensor | undefined,
  heads: readonly (readonly number[])[],
  turned: Turned,
  { x, headSize }: Pick<Turning, "x" | "headSize">,
): void {
  const blocks = blocksOf(builder, heads, { x, headSize });
  const [leaves, arrives] = [rowsByRank(own, turned), blocks.map((block) => piecesOf(block, turned))];
  allToAll(
    builder,
    `${x.name} to rows`,
    messages(leaves, arrives, turned, false),
    longest(turned, heads, { headSize }),
  );
  putHeads(builder, blocks.filter((block) => block !== undefined), x, headSize);
}

/** For each rank that has heads a tensor of them, for as many rows as x has. */
function blocksOf(
  builder: ProgramBuilder,
  heads: readonly (readonly number[])[],
  { x, headSize, stride = padded }: Omit<Turning, "own">,
): (HeadBlock | undefined)[] {
  return heads.map((own, rank) => {
    if (own.length === 0) return undefined;
    const cols = own.length * headSize;
    const options = { category: "transient", stride: stride(cols) } as const;
    return { tensor: builder.tensor(`${x.name} for rank ${rank}`, x.rows, cols, options), heads: own };
  });
}

/** Of a block, its rows of each sequence. */
function piecesOf(block: HeadBlock | undefined, { batch }: Turned): Piece[] {
  if (!block) return [];
  const { tensor } = block;
  const bytes = tensorBytes(tensor) / batch;
  return [{ tensor, offset: 0, bytes, runs: batch, stride: bytes }];
}

/** Of all rows, for each rank those that are its own, of each sequence. */
function rowsByRank(all: Tensor | undefined, { batch, part }: Turned): Piece[][] {
  return Array.from({ length: part.size }, (_, rank) => {
    if (!all) return [];
    const { first, count } = partOf(part.whole, { rank, size: part.size });
    const row = rowBytes(all);
    return [{
      ...{ tensor: all, offset: first * row, bytes: count * row },
      ...{ runs: batch, stride: part.whole * row },
    }];
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
function longest(
  { batch, part }: Turned,
  heads: readonly (readonly number[])[],
  { headSize, stride = padded }: Pick<Turning, "headSize" | "stride">,
): number {
  const { count } = partOf(part.whole, { ...part, rank: 0 });
  return batch * count * 4 * stride(headSize * Math.max(...heads.map(({ length }) => length)));
}
