import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Window } from "../../src/gpu/limits.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import text from "./gradient_squares.wgsl" with { type: "text" };
import reduceText from "../shared/reduce.wgsl" with { type: "text" };

/** Vectors of four of which one workgroup adds the squares. */
const vectorsPerChunk = 4096;

/**
 * Emits the squares of pairs of tensors, each of one shape and of whole vectors: returns a row for each chunk of them, with its Σ (a − b)²,
 * Σ a², Σ b² and Σ a·b, which are to be added up, and for each pair which rows are its own.
 */
export function gradientSquares(
  builder: ProgramBuilder,
  pairs: readonly (readonly [Tensor, Tensor])[],
): { sums: Tensor; rows: Window[] } {
  let count = 0;
  const parts = pairs.map(([a, b]) => {
    const first = count;
    const pieces = builder.windows([a, b]).map((window) => {
      const vectors = window.rows * a.stride / 4;
      const piece = { window, vectors, first: count, chunks: Math.ceil(vectors / vectorsPerChunk) };
      count += piece.chunks;
      return piece;
    });
    return { a, b, pieces, rows: { first, rows: count - first } };
  });
  const sums = builder.tensor("squares", count, 4, { category: "transient" });
  for (const { a, b, pieces } of parts) {
    for (const { window, vectors, first, chunks } of pieces) {
      builder.dispatch({
        kernel: { label: "gradient_squares", code: reduceText + text, constants: { threads: 256 } },
        bindings: [
          { group: 0, index: 1, tensor: a, access: "read", ...window },
          { group: 0, index: 2, tensor: b, access: "read", ...window },
          { group: 0, index: 3, tensor: sums, access: "write" },
        ],
        parameters: { vectors, chunk: vectorsPerChunk, first },
        workgroups: chunks,
        flops: 36 * vectors,
      });
    }
  }
  return { sums, rows: parts.map(({ rows }) => rows) };
}
