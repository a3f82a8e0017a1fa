import { plain, readRows } from "../gpu/operand.ts";
import { rowsOf, type Tensor } from "../gpu/tensor.ts";
import { cutRows, windowAlignment } from "../gpu/limits.ts";
import type { MiniSequences } from "../storage/policy_document.ts";
import { type Layer, sequence } from "./layer.ts";
import type { Activation, Tape } from "./tape.ts";

/** The rows of a piece that is asked to have `tokens`: whole windows, so that each piece can be bound. */
export function pieceRows(tokens: number): number {
  return Math.ceil(tokens / windowAlignment) * windowAlignment;
}

/**
 * A layer that works row by row, taken through so many rows at a time (mini-sequences, Luo et al., arXiv 2407.15892): forward one piece after
 * the other, and so backward. `size` gives the rows of a piece, a multiple of 64, or undefined for all at once. The layer needs a sink.
 */
function pieces(layer: Layer, size: (tape: Tape, x: Tensor) => number | undefined): Layer {
  return (tape, x, out) => {
    const { rows, cols, name } = x.exact.tensor;
    const parts = cutRows(rows, size(tape, x.exact.tensor) ?? rows);
    if (parts.length === 1) return layer(tape, x, out);
    if (!out) throw new Error(`What ${name} is taken through in pieces needs a place to write to`);
    const backwards = parts.map(({ first, rows: count }) => {
      const sink = { tensor: rowsOf(out.tensor, first, count), add: out.add };
      return layer(tape, rowsOfActivation(x, first, count), sink).backward;
    });
    return {
      y: { exact: plain(out.tensor) },
      backward: (dy, given) => {
        const into = given ?? { tensor: tape.transient(`d ${name}`, rows, cols), add: false };
        backwards.forEach((backward, i) => {
          const { first, rows: count } = parts[i];
          backward(rowsOf(dy, first, count), { tensor: rowsOf(into.tensor, first, count), add: into.add });
        });
        return into.tensor;
      },
    };
  };
}

/**
 * Such a layer behind a norm, which goes through the pieces too, so that neither its rows nor their gradient stand whole; unless the policy
 * keeps the norm's rows, as one tensor.
 */
export function piecesBehind(norm: Layer, layer: Layer, size: Parameters<typeof pieces>[1]): Layer {
  const apart = sequence(norm, pieces(layer, size));
  const together = pieces(sequence(norm, layer), size);
  return (tape, x, out) => (tape.keepsByPolicy ? apart : together)(tape, x, out);
}

/** Rows of a piece of an MLP of so many channels (MST's paper and its code have a rule each); undefined for all at once. */
export function mlpPieceRows({ mlp }: MiniSequences, batch: number, channels: number): number | undefined {
  if (mlp === "whole") return undefined;
  const rules = { auto: 4096, paper: channels, code: Math.max(Math.floor(4096 / batch), 1024) };
  return pieceRows(typeof mlp === "number" ? mlp : rules[mlp]);
}

/** Rows of a piece of the MLP, as the policy says. */
export function mlpPiece({ batch }: { batch: number }): (tape: Tape, x: Tensor) => number | undefined {
  return ({ miniSequences }, { cols }) => miniSequences && mlpPieceRows(miniSequences, batch, cols);
}

function rowsOfActivation({ exact, kept }: Activation, first: number, count: number): Activation {
  return {
    exact: readRows(exact, first, count),
    kept: kept && (() => readRows(kept(), first, count)),
  };
}
