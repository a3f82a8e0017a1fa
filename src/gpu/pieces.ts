import { type Tensor, tensorBytes } from "./tensor.ts";

/**
 * Bytes of a tensor: whole words, from `offset` on; where there are several runs of them, as many in each, which begin `stride` bytes apart. Of a
 * batch a piece has a run for each sequence: written out, those of a large one would take more memory than there is.
 */
export interface Piece {
  readonly tensor: Tensor;
  readonly offset: number;
  readonly bytes: number;
  readonly runs?: number;
  readonly stride?: number;
}

/** Bytes in a row. */
export type Run = Pick<Piece, "tensor" | "offset" | "bytes">;

/** All of a tensor. */
export const wholly = (tensor: Tensor): Piece => ({ tensor, offset: 0, bytes: tensorBytes(tensor) });

/** Bytes of pieces together. */
export const bytesOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, { bytes, runs = 1 }) => sum + runs * bytes, 0);

/** The runs of a piece, one after the other. */
export function* runsOf({ tensor, offset, bytes, runs = 1, stride = 0 }: Piece): Generator<Run> {
  for (let i = 0; i < runs; i++) yield { tensor, offset: offset + i * stride, bytes };
}

/** Where the last run of a piece ends. */
export const endOf = ({ offset, bytes, runs = 1, stride = 0 }: Piece): number =>
  offset + (runs - 1) * stride + bytes;

/** What of pieces, one after the other, lies in so many bytes from `offset` on. */
export function within(pieces: readonly Piece[], offset: number, bytes: number): Piece[] {
  let at = 0;
  return pieces.flatMap((piece) => {
    const all = bytesOf([piece]);
    const [first, end] = [Math.max(0, offset - at), Math.min(all, offset + bytes - at)];
    at += all;
    return cut(piece, first, end);
  });
}

/** Of a piece the bytes from one to another: whole runs, and what is left of a run before and behind them. */
function cut(piece: Piece, first: number, end: number): Piece[] {
  const { offset, bytes, stride = 0 } = piece;
  const parts: Piece[] = [];
  for (let at = first; at < end;) {
    const [run, into] = [Math.floor(at / bytes), at % bytes];
    const whole = into === 0 ? Math.floor((end - at) / bytes) : 0;
    const [runs, length] = whole > 0 ? [whole, bytes] : [1, Math.min(bytes - into, end - at)];
    parts.push({ ...piece, offset: offset + run * stride + into, bytes: length, runs });
    at += runs * length;
  }
  return parts;
}
