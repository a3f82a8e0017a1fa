import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Operand } from "../../src/gpu/operand.ts";
import { stepTensor, stepText } from "../../src/gpu/step_block.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import text from "./gather_row.wgsl" with { type: "text" };

/** Emits out (1×C) = the row of x (N×C) that the step block names. */
export function gatherRow(builder: ProgramBuilder, x: Operand, out: Tensor): void {
  const vectors = out.stride / 4;
  builder.dispatch({
    kernel: { label: "gather_row", code: stepText + x.code("x", 1) + text },
    bindings: [
      { group: 0, index: 1, tensor: stepTensor, access: "read" },
      { group: 0, index: 2, tensor: out, access: "write" },
      ...x.bindings(1),
    ],
    parameters: { vectors },
    workgroups: Math.ceil(vectors / elementThreads),
    flops: vectors,
  });
}
