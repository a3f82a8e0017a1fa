import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { gelu, type GeluKind, instantiate, type Operand, overwritten } from "../../src/gpu/operand.ts";
import tailText from "../../src/gpu/operand_gelu_tail.wgsl" with { type: "text" };
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import tanhText from "./gelu_backward.wgsl" with { type: "text" };
import erfText from "./gelu_backward_erf.wgsl" with { type: "text" };
import { materialize } from "../shared/materialize.ts";

/** Emits x = GELU(x) in place, x N×C. */
export function geluForward(builder: ProgramBuilder, x: Tensor, kind: GeluKind = "tanh"): void {
  materialize(builder, gelu(overwritten(x, "out"), kind), x);
}

/** Emits d *= GELU'(x) in place, d and x N×C. The forward function is an operand: `gelu` in src/gpu/operand.ts. */
export function geluBackward(
  builder: ProgramBuilder,
  d: Tensor,
  x: Operand,
  kind: GeluKind = "tanh",
): void {
  const [label, text] = kind === "erf"
    ? ["gelu_backward_erf", instantiate(tailText, "gelu", 0) + erfText]
    : ["gelu_backward", tanhText];
  const stride = d.stride / 4;
  for (const window of builder.windows([d, x.tensor])) {
    const vectors = window.rows * stride;
    builder.dispatch({
      kernel: { label, code: x.code("x", 1) + text, constants: { stride } },
      bindings: [{ group: 0, index: 1, tensor: d, access: "update", ...window }, ...x.bindings(1, window)],
      parameters: { vectors },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 20 * window.rows * d.cols,
    });
  }
}
