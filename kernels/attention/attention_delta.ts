import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { commonUnit, type Operand } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import text from "./attention_delta.wgsl" with { type: "text" };

/** Emits delta (N×H, stride H) = rowsum(d ∘ o) by head, of two operands N×C with C = H·headSize. */
export function attentionDelta(
  builder: ProgramBuilder,
  d: Operand,
  o: Operand,
  delta: Tensor,
  headSize: number,
): void {
  const heads = delta.cols;
  // A software adapter runs the threads of a workgroup one after the other: there a barrier costs more than it saves.
  const vectors = Math.ceil(headSize / 4);
  const lanes = builder.adapterClass === "gpu" ? Math.min(16, 2 ** Math.ceil(Math.log2(vectors))) : 1;
  const strides = { d_stride: d.tensor.stride / 4, o_stride: o.tensor.stride / 4 };
  for (const window of builder.windows([d.tensor, o.tensor, delta], commonUnit(d, o))) {
    builder.dispatch({
      kernel: {
        label: "attention_delta",
        code: d.code("d", 1) + o.code("o", 2) + text,
        constants: { heads, head_size: headSize, lanes, ...strides },
      },
      bindings: [
        { group: 0, index: 1, tensor: delta, access: "write", ...window },
        ...d.bindings(1, window),
        ...o.bindings(2, window),
      ],
      parameters: { rows: window.rows },
      workgroups: Math.ceil(window.rows * heads * lanes / elementThreads),
      flops: 2 * window.rows * heads * headSize,
    });
  }
}
