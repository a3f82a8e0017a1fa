import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Dtype, Tensor } from "../../src/gpu/tensor.ts";
import { bf16Text } from "../shared/bf16.ts";
import { elementThreads } from "../shared/elementwise.ts";
import pcgText from "../shared/pcg.wgsl" with { type: "text" };
import text from "./normal.wgsl" with { type: "text" };
import valuesBf16Text from "./values_bf16.wgsl" with { type: "text" };
import valuesF16Text from "./values_f16.wgsl" with { type: "text" };
import valuesF32Text from "./values_f32.wgsl" with { type: "text" };

/** What a sum of twelve is multiplied by, in f32: one product makes a number of it, rounded alike everywhere. */
export const unitOf = (deviation: number): number => Math.fround(deviation / 65536);

const valuesTexts: Partial<Record<Dtype, string>> = {
  f32: valuesF32Text,
  bf16: bf16Text + valuesBf16Text,
  f16: valuesF16Text,
};

/** Emits normal numbers of mean 0 and this standard deviation into x, N×C in f32, or rounded to bf16 or f16. Each of the 2^32 streams has numbers of its own. */
export function normal(builder: ProgramBuilder, x: Tensor, deviation: number, stream: number): void {
  const rowVectors = x.stride / 4;
  for (const window of builder.windows([x])) {
    const vectors = window.rows * rowVectors;
    builder.dispatch({
      kernel: { label: "normal", code: pcgText + valuesTexts[x.dtype] + text },
      bindings: [{ group: 0, index: 1, tensor: x, access: "write", ...window }],
      parameters: {
        vectors,
        first: window.first * rowVectors,
        row_vectors: rowVectors,
        cols: x.cols,
        stream,
        unit: unitOf(deviation),
      },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: 400 * vectors,
    });
  }
}
