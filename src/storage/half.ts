import noNumberText from "../../kernels/shared/no_number.wgsl" with { type: "text" };
import type { ProgramBuilder } from "../gpu/builder.ts";
import { type Operand, plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Category } from "../memory/category.ts";
import storeText from "./half_store.wgsl" with { type: "text" };

/** Emits the pass that stores x (N×C) in 16 bits (IEEE half precision, saturating), and returns how to read it. Needs no feature. */
export function storeHalf(builder: ProgramBuilder, x: Tensor, category: Category): Operand {
  const { name, rows, cols, stride } = x;
  const halves = builder.tensor(`${name} (f16)`, rows, cols, { category, dtype: "f16", stride });
  for (const window of builder.windows([x])) {
    const vectors = window.rows * stride / 4;
    builder.dispatch({
      kernel: { label: "half_store", code: noNumberText + storeText },
      bindings: [
        { group: 0, index: 1, tensor: x, access: "read", ...window },
        { group: 0, index: 2, tensor: halves, access: "write", ...window },
      ],
      parameters: { vectors },
      workgroups: Math.ceil(vectors / 256),
      flops: 4 * vectors,
    });
  }
  return plain(halves);
}
