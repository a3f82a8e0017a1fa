import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import text from "./clear.wgsl" with { type: "text" };

/** Emits zeros into an f32 tensor, padding included: gradients that what follows adds to. */
export function clear(builder: ProgramBuilder, out: Tensor): void {
  for (const window of builder.windows([out])) {
    const vectors = window.rows * out.stride / 4;
    builder.dispatch({
      kernel: { label: "clear", code: text },
      bindings: [{ group: 0, index: 1, tensor: out, access: "write", ...window }],
      parameters: { vectors },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 0,
    });
  }
}
