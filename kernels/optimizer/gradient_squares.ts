import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import text from "./gradient_squares.wgsl" with { type: "text" };
import reduceText from "../shared/reduce.wgsl" with { type: "text" };

/** Vectors of four of which one workgroup adds the squares. */
const vectorsPerChunk = 4096;

/**
 * Emits the squares of two tensors of one shape, of whole vectors: returns a row for each chunk of them, with its Σ (a − b)², Σ a², Σ b² and
 * Σ a·b, which are to be added up.
 */
export function gradientSquares(builder: ProgramBuilder, a: Tensor, b: Tensor): Tensor {
  const pieces = builder.windows([a, b]).map((window) => {
    const vectors = window.rows * a.stride / 4;
    return { window, vectors, chunks: Math.ceil(vectors / vectorsPerChunk) };
  });
  const count = pieces.reduce((sum, { chunks }) => sum + chunks, 0);
  const sums = builder.tensor(`squares of ${a.name}`, count, 4, { category: "transient" });
  let first = 0;
  for (const { window, vectors, chunks } of pieces) {
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
    first += chunks;
  }
  return sums;
}
