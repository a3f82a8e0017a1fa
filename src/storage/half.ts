import type { ProgramBuilder } from "../gpu/builder.ts";
import { instantiate, type Operand } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Category } from "../memory/category.ts";
import readerText from "./half_reader.wgsl" with { type: "text" };
import storeText from "./half_store.wgsl" with { type: "text" };

/** Emits the pass that stores x (N×C) in 16 bits (IEEE half precision, saturating), and returns how to read it. Needs no feature. */
export function storeHalf(builder: ProgramBuilder, x: Tensor, category: Category): Operand {
  const { name, rows, cols, stride } = x;
  const halves = builder.tensor(`${name} (f16)`, rows, cols, { category, dtype: "f16", stride });
  for (const window of builder.windows([x])) {
    const vectors = window.rows * stride / 4;
    builder.dispatch({
      kernel: { label: "half_store", code: storeText },
      bindings: [
        { group: 0, index: 1, tensor: x, access: "read", ...window },
        { group: 0, index: 2, tensor: halves, access: "write", ...window },
      ],
      parameters: { vectors },
      workgroups: Math.ceil(vectors / 256),
      flops: 4 * vectors,
    });
  }
  return {
    tensor: halves,
    cost: "light",
    fetched: "vec2<u32>",
    code: (name, group) => instantiate(readerText, name, group),
    bindings: (group, window) => [{ group, index: 0, tensor: halves, access: "read", ...window }],
  };
}
