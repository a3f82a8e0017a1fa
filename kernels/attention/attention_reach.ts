import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { leastCommonMultiple, rowWindows, type Window, windowAlignment } from "../../src/gpu/limits.ts";
import { rowBytes, type Tensor } from "../../src/gpu/tensor.ts";

/** What dispatches of attention reach: rows, and the sequences in them, the first of which begins at row `start` of these. */
export interface Reach {
  readonly rows: Window;
  readonly start: number;
  readonly sequences: number;
  /** Whether one binding can have all these rows of each tensor. */
  readonly whole: boolean;
}

/** Cuts the rows of tensors into whole sequences: as many as can be bound at once or, where not even the fewest can, one by one. */
export function reaches(
  { limits }: Pick<ProgramBuilder, "limits">,
  tensors: readonly Tensor[],
  sequence: number,
): Reach[] {
  const { rows } = tensors[0];
  const widest = Math.max(...tensors.map(rowBytes));
  const fewest = Math.min(rows, leastCommonMultiple(sequence, windowAlignment));
  if (fewest * widest <= limits.maxStorageBufferBindingSize) {
    return rowWindows(limits, rows, widest, sequence).map((window) => ({
      rows: window,
      start: 0,
      sequences: window.rows / sequence,
      whole: true,
    }));
  }
  return Array.from({ length: rows / sequence }, (_, i) => {
    const first = alignedRow(i * sequence);
    const start = i * sequence - first;
    return { rows: { first, rows: start + sequence }, start, sequences: 1, whole: false };
  });
}

/** The last row up to this one from which any tensor can be bound. */
export const alignedRow = (row: number) => row - row % windowAlignment;

/** Rows from anywhere that a binding can have at least of the tensors, if it begins at such a row. */
export function rowsAnywhere({ limits }: Pick<ProgramBuilder, "limits">, tensors: readonly Tensor[]): number {
  const widest = Math.max(...tensors.map(rowBytes));
  return Math.floor(limits.maxStorageBufferBindingSize / widest) - (windowAlignment - 1);
}
