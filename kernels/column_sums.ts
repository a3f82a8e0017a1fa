import type { ProgramBuilder } from "../src/gpu/builder.ts";
import { type Operand, plain } from "../src/gpu/operand.ts";
import { type Tensor } from "../src/gpu/tensor.ts";
import text from "./column_sums.wgsl" with { type: "text" };

/** Rows that one workgroup adds; many rows, or rows in several windows, are added in two stages. */
const rowsPerChunk = 128;

/** Emits out (1×C) = the sums of the columns of v (N×C), or += with `accumulate`: bias gradients, and those of a LayerNorm's layer. */
export function columnSums(builder: ProgramBuilder, v: Operand, out: Tensor, accumulate: boolean): void {
  const { rows, cols } = v.tensor;
  const whole = builder.windows([v.tensor]).length === 1;
  if (whole && rows <= 4 * rowsPerChunk) return emit(builder, v, out, rows, accumulate);
  const chunks = Math.ceil(rows / rowsPerChunk);
  const partial = builder.tensor(`${out.name} partial sums`, chunks, cols, { category: "transient" });
  emit(builder, v, partial, rowsPerChunk, false);
  emit(builder, plain(partial), out, chunks, accumulate);
}

function emit(builder: ProgramBuilder, v: Operand, out: Tensor, chunk: number, accumulate: boolean): void {
  const stride = out.stride / 4;
  for (const window of builder.windows([v.tensor], chunk)) {
    const chunks = Math.ceil(window.rows / chunk);
    builder.dispatch({
      kernel: { label: "column_sums", code: v.code("v", 1) + text, constants: { stride } },
      bindings: [
        { group: 0, index: 1, tensor: out, access: accumulate ? "update" : "write" },
        ...v.bindings(1, window),
      ],
      parameters: [window.rows, chunk, window.first / chunk, Number(accumulate)],
      workgroups: Math.ceil(stride / 16) * chunks,
      flops: window.rows * v.tensor.cols,
    });
  }
}
