import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { threadsFor } from "../shared/elementwise.ts";
import reduceText from "../shared/reduce.wgsl" with { type: "text" };
import text from "./top1.wgsl" with { type: "text" };

/**
 * Emits hits (B×1, stride 1) = 1 where the target's logit exceeds all others of its row (B×V), else 0; a tie is no hit. `targets` is B×1 in
 * i32; −100 is no hit. Read the logits before `crossEntropy` replaces them by their gradient.
 */
export function top1(builder: ProgramBuilder, logits: Tensor, targets: Tensor, hits: Tensor): void {
  const stride = logits.stride / 4;
  for (const window of builder.windows([logits])) {
    builder.dispatch({
      kernel: {
        label: "top1",
        code: reduceText + text,
        constants: { vocab: logits.cols, stride, threads: threadsFor(stride) },
      },
      bindings: [
        { group: 0, index: 1, tensor: targets, access: "read", ...window },
        { group: 0, index: 2, tensor: logits, access: "read", ...window },
        { group: 0, index: 3, tensor: hits, access: "write", ...window },
      ],
      parameters: { rows: window.rows },
      workgroups: window.rows,
      flops: window.rows * logits.cols,
    });
  }
}
