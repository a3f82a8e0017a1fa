import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { stepTensor, stepText } from "../../src/gpu/step_block.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import text from "./cross_entropy.wgsl" with { type: "text" };
import { threadsFor } from "../shared/elementwise.ts";
import meanText from "./mean_loss.wgsl" with { type: "text" };
import reduceText from "../shared/reduce.wgsl" with { type: "text" };

/**
 * Emits the loss of each row (`losses`, N×1) from its logits (N×V), and with `gradient` replaces the logits by their gradient. `targets` is
 * N×1 in i32; −100 is ignored. Label smoothing (Szegedy et al., arXiv 1512.00567) takes a share
 * `smoothing` of each target's probability and spreads it over all V classes.
 */
export function crossEntropy(
  builder: ProgramBuilder,
  logits: Tensor,
  targets: Tensor,
  losses: Tensor,
  gradient: boolean,
  smoothing = 0,
): void {
  const stride = logits.stride / 4;
  for (const window of builder.windows([logits])) {
    builder.dispatch({
      kernel: {
        label: "cross_entropy",
        code: stepText + reduceText + text,
        constants: { vocab: logits.cols, stride, threads: threadsOf(builder, stride), smoothing },
      },
      bindings: [
        { group: 0, index: 1, tensor: stepTensor, access: "read" },
        { group: 0, index: 2, tensor: targets, access: "read", ...window },
        { group: 0, index: 3, tensor: logits, access: "update", ...window },
        { group: 0, index: 4, tensor: losses, access: "write", ...window },
      ],
      parameters: { rows: window.rows, write_gradient: Number(gradient) },
      workgroups: window.rows,
      flops: 10 * window.rows * logits.cols,
    });
  }
}

/**
 * Invocations for a row, which is read twice: of a large vocabulary on a GPU so many that no more rows are under way than its cache holds for
 * the second time.
 */
function threadsOf({ adapterClass, limits }: ProgramBuilder, vectors: number): number {
  const most = adapterClass === "gpu" ? limits.maxComputeInvocationsPerWorkgroup : 256;
  return vectors < 4096 ? threadsFor(vectors) : Math.min(1024, most);
}

/** Emits ring[slot of the step] = the mean loss over valid targets. `losses` is N×1, `ring` holds one number a step. */
export function meanLoss(builder: ProgramBuilder, losses: Tensor, ring: Tensor): void {
  builder.dispatch({
    kernel: { label: "mean_loss", code: stepText + reduceText + meanText, constants: { threads: 256 } },
    bindings: [
      { group: 0, index: 1, tensor: stepTensor, access: "read" },
      { group: 0, index: 2, tensor: losses, access: "read" },
      { group: 0, index: 3, tensor: ring, access: "update" },
    ],
    parameters: { rows: losses.rows },
    workgroups: 1,
    flops: losses.rows,
  });
}
