import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { stepTensor, stepText } from "../../src/gpu/step_block.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import text from "./gradient_norm.wgsl" with { type: "text" };
import partialText from "./gradient_norm_partial.wgsl" with { type: "text" };
import reduceText from "../shared/reduce.wgsl" with { type: "text" };

/** Vectors of four that one workgroup squares and adds. */
const vectorsPerChunk = 4096;

/**
 * Emits the norm of all gradients into norms[slot of the step] and the clip factor into `clip` (1×1), as
 * `torch.nn.utils.clip_grad_norm_` computes it; `clipNorm` 0 never clips. `arenas` are flat tensors of whole vectors.
 */
export function gradientNorm(
  builder: ProgramBuilder,
  arenas: readonly Tensor[],
  norms: Tensor,
  clip: Tensor,
  clipNorm: number,
): void {
  const pieces = arenas.flatMap((tensor) =>
    builder.windows([tensor]).map((window) => ({ tensor, window, vectors: window.rows * tensor.stride / 4 }))
  );
  const chunks = pieces.map(({ vectors }) => Math.ceil(vectors / vectorsPerChunk));
  const count = chunks.reduce((a, b) => a + b, 0);
  const squares = builder.tensor("sums of squares", 1, count, { category: "transient" });
  let first = 0;
  pieces.forEach(({ tensor, window, vectors }, i) => {
    builder.dispatch({
      kernel: { label: "gradient_norm_partial", code: reduceText + partialText, constants: { threads: 256 } },
      bindings: [
        { group: 0, index: 1, tensor, access: "read", ...window },
        { group: 0, index: 2, tensor: squares, access: "write" },
      ],
      parameters: { vectors, chunk: vectorsPerChunk, first },
      workgroups: chunks[i],
      flops: 8 * vectors,
    });
    first += chunks[i];
  });
  builder.dispatch({
    kernel: { label: "gradient_norm", code: stepText + reduceText + text, constants: { threads: 256 } },
    bindings: [
      { group: 0, index: 1, tensor: stepTensor, access: "read" },
      { group: 0, index: 2, tensor: squares, access: "read" },
      { group: 0, index: 3, tensor: norms, access: "update" },
      { group: 0, index: 4, tensor: clip, access: "write" },
    ],
    parameters: { count, limit: clipNorm },
    workgroups: 1,
    flops: count,
  });
}
