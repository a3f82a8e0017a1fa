import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, plain, windowedTensor } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "./elementwise.ts";
import text from "./materialize.wgsl" with { type: "text" };

/** Emits out (N×C, f32) = what x reads; x may read `overwritten(out, "out")`. */
export function materialize(builder: ProgramBuilder, x: Operand, out: Tensor): void {
  const stride = x.tensor.stride / 4;
  for (const window of builder.windows([out, windowedTensor(x)], x.unit)) {
    const vectors = Math.ceil(window.rows / 4) * stride; // of four rows each
    builder.dispatch({
      kernel: { label: "materialize", code: x.code("x", 1) + text, constants: { stride } },
      bindings: [
        { group: 0, index: 1, tensor: out, access: x.tensor === out ? "update" : "write", ...window },
        ...x.bindings(1, window),
      ],
      parameters: { rows: window.rows },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 4 * window.rows * stride,
    });
  }
}

/**
 * Returns x (N×C) as a matrix product should read it. A product loads each element once for every tile of its output, and few operations
 * on the way are too many: γ·x + β, read in place, slows a product by 15% in f32 and by half on tensor cores (docs/runtime.md). So what is
 * no plain tensor is written out once, to a transient f32 tensor; what takes only few operations, where that raises no peak. Software
 * adapters pay for every load, so they always write.
 */
export function cheapToRead(builder: ProgramBuilder, x: Operand): Operand {
  const { rows, cols, stride, name } = x.tensor;
  if (!isWrittenOut(builder, x, 4 * rows * stride)) return x;
  const out = builder.tensor(`${name} (f32)`, rows, cols, { category: "transient" });
  materialize(builder, x, out);
  return plain(out);
}

/** Whether x is, where that takes so many bytes. */
export function isWrittenOut(builder: ProgramBuilder, { cost }: Operand, bytes: number): boolean {
  return cost === "heavy" ||
    (cost === "light" && (builder.adapterClass === "software" || builder.takeRoom(bytes)));
}
