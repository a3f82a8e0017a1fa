import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { stepTensor, stepText } from "../../src/gpu/step_block.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import lastText from "./clip_by_last.wgsl" with { type: "text" };
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
  const norm = new GradientNorm(builder, arenas);
  for (const arena of arenas) norm.add(arena);
  norm.end(norms, clip, clipNorm);
}

/** The norm of gradients that are not all there at once: each is added while it lives. */
export class GradientNorm {
  readonly #squares: Tensor;
  #added = 0;

  /** @param shapes tensors of the shapes of all that will be added, in whatever order */
  constructor(private readonly builder: ProgramBuilder, shapes: readonly Tensor[]) {
    const count = shapes.flatMap((shape) => this.#pieces(shape)).reduce((sum, { chunks }) => sum + chunks, 0);
    this.#squares = builder.tensor("sums of squares", 1, count, { category: "transient" });
  }

  #pieces(tensor: Tensor) {
    return this.builder.windows([tensor]).map((window) => {
      const vectors = window.rows * tensor.stride / 4;
      return { window, vectors, chunks: Math.ceil(vectors / vectorsPerChunk) };
    });
  }

  /** Emits the sums of squares of a gradient. */
  add(tensor: Tensor): void {
    for (const { window, vectors, chunks } of this.#pieces(tensor)) {
      this.builder.dispatch({
        kernel: {
          label: "gradient_norm_partial",
          code: reduceText + partialText,
          constants: { threads: 256 },
        },
        bindings: [
          { group: 0, index: 1, tensor, access: "read", ...window },
          { group: 0, index: 2, tensor: this.#squares, access: "write" },
        ],
        parameters: { vectors, chunk: vectorsPerChunk, first: this.#added },
        workgroups: chunks,
        flops: 8 * vectors,
      });
      this.#added += chunks;
    }
  }

  /** Emits the norm into norms[slot of the step], and the clip factor that it makes. Throws if not all was added. */
  end(norms: Tensor, clip: Tensor, clipNorm: number): void {
    const count = this.#squares.cols;
    if (this.#added !== count) {
      throw new Error(`The norm is of ${count} chunks, and ${this.#added} were added`);
    }
    this.builder.dispatch({
      kernel: { label: "gradient_norm", code: stepText + reduceText + text, constants: { threads: 256 } },
      bindings: [
        { group: 0, index: 1, tensor: stepTensor, access: "read" },
        { group: 0, index: 2, tensor: this.#squares, access: "read" },
        { group: 0, index: 3, tensor: norms, access: "update" },
        { group: 0, index: 4, tensor: clip, access: "write" },
      ],
      parameters: { count, limit: clipNorm },
      workgroups: 1,
      flops: count,
    });
  }
}

/** Emits the clip factor (1×1) that the norm of the step before makes: 1 in the first step. `norms` is a ring, by the slots of steps. */
export function clipByLast(builder: ProgramBuilder, norms: Tensor, clip: Tensor, clipNorm: number): void {
  builder.dispatch({
    kernel: { label: "clip_by_last", code: stepText + lastText },
    bindings: [
      { group: 0, index: 1, tensor: stepTensor, access: "read" },
      { group: 0, index: 2, tensor: norms, access: "read" },
      { group: 0, index: 3, tensor: clip, access: "write" },
    ],
    parameters: { ring: norms.rows, limit: clipNorm },
    workgroups: 1,
    flops: 4,
  });
}
