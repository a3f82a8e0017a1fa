import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import spreadText from "./class_rows_spread.wgsl" with { type: "text" };
import takeText from "./class_rows_take.wgsl" with { type: "text" };

/** Emits out (B×C) = the rows of x (N×C, N = B·every) that are multiples of `every`: the class tokens of images. */
export function takeRows(builder: ProgramBuilder, x: Tensor, out: Tensor, every: number): void {
  const stride = x.stride / 4;
  for (const { first, rows } of builder.windows([x], every)) {
    const vectors = rows / every * stride;
    builder.dispatch({
      kernel: { label: "take_rows", code: takeText, constants: { stride, every } },
      bindings: [
        { group: 0, index: 1, tensor: x, access: "read", first, rows },
        { group: 0, index: 2, tensor: out, access: "write" },
      ],
      parameters: { vectors, first_vector: first / every * stride },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 4 * vectors,
    });
  }
}

/** Emits dx (N×C) from d (B×C): row i of d becomes row i·every, all other rows are zero. Undoes `takeRows` in backward. */
export function spreadRows(builder: ProgramBuilder, d: Tensor, dx: Tensor, every: number): void {
  const stride = dx.stride / 4;
  for (const { first, rows } of builder.windows([dx], every)) {
    const vectors = rows * stride;
    builder.dispatch({
      kernel: { label: "spread_rows", code: spreadText, constants: { stride, every } },
      bindings: [
        { group: 0, index: 1, tensor: d, access: "read" },
        { group: 0, index: 2, tensor: dx, access: "write", first, rows },
      ],
      parameters: { vectors, first_vector: first / every * stride },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 4 * vectors,
    });
  }
}
