import type { ProgramBuilder } from "../src/gpu/builder.ts";
import type { Operand } from "../src/gpu/operand.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { elementThreads } from "./elementwise.ts";
import backwardText from "./gelu_backward.wgsl" with { type: "text" };

/** Emits d *= GELU'(x) in place, d and x N×C. The forward function is an operand: `gelu` in src/gpu/operand.ts. */
export function geluBackward(builder: ProgramBuilder, d: Tensor, x: Operand): void {
  const stride = d.stride / 4;
  for (const window of builder.windows([d, x.tensor])) {
    const vectors = window.rows * stride;
    builder.dispatch({
      kernel: { label: "gelu_backward", code: x.code("x", 1) + backwardText, constants: { stride } },
      bindings: [{ group: 0, index: 1, tensor: d, access: "update", ...window }, ...x.bindings(1, window)],
      parameters: [vectors],
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 20 * window.rows * d.cols,
    });
  }
}
