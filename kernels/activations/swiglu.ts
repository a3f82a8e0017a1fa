import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Operand } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import backwardText from "./swiglu_backward.wgsl" with { type: "text" };
import columnsText from "./swiglu_columns.wgsl" with { type: "text" };
import forwardText from "./swiglu_forward.wgsl" with { type: "text" };

/** Emits y (N×F) = silu(gate) ∘ up (Shazeer, arXiv 2002.05202) of h (N×2F): gates, and beside them what they let pass. */
export function swigluForward(builder: ProgramBuilder, h: Operand, y: Tensor): void {
  for (const window of builder.windows([h.tensor, y], h.unit)) {
    const vectors = window.rows * y.stride / 4;
    builder.dispatch({
      kernel: {
        label: "swiglu_forward",
        code: h.code("h", 1) + columnsText + forwardText,
        constants: { hidden: y.cols, h_stride: h.tensor.stride / 4, y_stride: y.stride / 4 },
      },
      bindings: [{ group: 0, index: 1, tensor: y, access: "write", ...window }, ...h.bindings(1, window)],
      parameters: { vectors },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 8 * window.rows * y.cols,
    });
  }
}

/** Emits dh (N×2F) from d (N×F), the gradient of what `swigluForward` gives, and h. */
export function swigluBackward(builder: ProgramBuilder, d: Tensor, h: Operand, dh: Tensor): void {
  for (const window of builder.windows([h.tensor, d, dh], h.unit)) {
    const vectors = window.rows * dh.stride / 4;
    builder.dispatch({
      kernel: {
        label: "swiglu_backward",
        code: h.code("h", 1) + columnsText + backwardText,
        constants: { hidden: d.cols, h_stride: h.tensor.stride / 4, d_stride: d.stride / 4 },
      },
      bindings: [
        { group: 0, index: 1, tensor: d, access: "read", ...window },
        { group: 0, index: 2, tensor: dh, access: "write", ...window },
        ...h.bindings(1, window),
      ],
      parameters: { vectors },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 13 * window.rows * dh.cols,
    });
  }
}
