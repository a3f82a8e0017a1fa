import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, overwritten, plain } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { keepingThreadsFor } from "../shared/elementwise.ts";
import backwardText from "./layer_norm_backward.wgsl" with { type: "text" };
import forwardText from "./layer_norm_forward.wgsl" with { type: "text" };
import reduceText from "../shared/reduce.wgsl" with { type: "text" };

/** A norm of rows: LayerNorm, or RMSNorm (Zhang, Sennrich, arXiv 1910.07467), which takes 0 for the mean and has no beta. */
export type NormKind = "layer" | "rms";

/** Emits the normalised rows of x (N×C) and 1/sqrt(variance + epsilon) of each (N×1); gamma and beta are applied by who reads them. */
export function layerNormForward(
  builder: ProgramBuilder,
  x: Tensor,
  normalized: Tensor,
  rstd: Tensor,
  epsilon: number,
  kind: NormKind = "layer",
): void {
  const stride = x.stride / 4;
  for (const window of builder.windows([x, normalized])) {
    builder.dispatch({
      kernel: {
        label: `${kind}_norm_forward`,
        code: reduceText + forwardText,
        constants: {
          cols: x.cols,
          stride,
          epsilon,
          centered: Number(kind === "layer"),
          threads: keepingThreadsFor(builder, stride),
        },
      },
      bindings: [
        { group: 0, index: 1, tensor: x, access: "read", ...window },
        { group: 0, index: 2, tensor: normalized, access: "write", ...window },
        { group: 0, index: 3, tensor: rstd, access: "write", ...window },
      ],
      parameters: { rows: window.rows },
      workgroups: window.rows,
      flops: 8 * window.rows * x.cols,
    });
  }
}

/**
 * Emits dx = (or += with `accumulate`) the input gradient of such a norm, from dy (N×C), the saved normalised rows as `normalized` reads
 * them, and rstd (N×1). dx may be dy.
 */
export function layerNormBackward(
  builder: ProgramBuilder,
  dy: Tensor,
  normalized: Operand,
  rstd: Tensor,
  gamma: Tensor,
  dx: Tensor,
  accumulate: boolean,
  kind: NormKind = "layer",
): void {
  const stride = dy.stride / 4;
  const dyOperand = dx === dy ? overwritten(dx, "dx") : plain(dy);
  for (const window of builder.windows([dy, dx, normalized.tensor])) {
    builder.dispatch({
      kernel: {
        label: `${kind}_norm_backward`,
        code: normalized.code("x", 1) + dyOperand.code("dy", 2) + reduceText + backwardText,
        constants: {
          cols: dy.cols,
          stride,
          centered: Number(kind === "layer"),
          threads: keepingThreadsFor(builder, stride),
        },
      },
      bindings: [
        { group: 0, index: 2, tensor: gamma, access: "read" },
        { group: 0, index: 3, tensor: rstd, access: "read", ...window },
        { group: 0, index: 4, tensor: dx, access: "update", ...window },
        ...normalized.bindings(1, window),
        ...dyOperand.bindings(2, window),
      ],
      parameters: { rows: window.rows, accumulate: Number(accumulate) },
      workgroups: window.rows,
      flops: 12 * window.rows * dy.cols,
    });
  }
}
