import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import text from "./sum_parts.wgsl" with { type: "text" };

/** Emits c = the sum of so many matrices of its size that follow each other in `parts`, in order; or adds c to that. */
export function sumParts(
  builder: ProgramBuilder,
  parts: Tensor,
  count: number,
  c: Tensor,
  accumulate: boolean,
): void {
  const vectors = c.rows * c.stride / 4;
  builder.dispatch({
    kernel: { label: "sum_parts", code: text },
    bindings: [
      { group: 0, index: 1, tensor: parts, access: "read" },
      { group: 0, index: 2, tensor: c, access: "update" },
    ],
    parameters: { vectors, parts: count, accumulate: Number(accumulate) },
    workgroups: Math.ceil(vectors / elementThreads),
    flops: 4 * count * vectors,
  });
}
