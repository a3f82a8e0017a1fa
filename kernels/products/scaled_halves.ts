import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, scaledHalves } from "../../src/gpu/operand.ts";
import { tensorBytes } from "../../src/gpu/tensor.ts";
import { cheapToRead, isWrittenOut } from "../shared/materialize.ts";
import { halvesText } from "./matmul_matrix_template.ts";
import { halvesEach } from "./matmul_variant.ts";
import { lookFirst, type Scaling, scalingBindings, scalingText } from "./scales.ts";
import text from "./scaled_halves.wgsl" with { type: "text" };

const threads = 256;
const rowsPerThread = 4;

/**
 * Returns x (N×C) as the product scaled so should read it, its A or its B: as `cheapToRead` has it, but in f16 what is written out is written
 * as the product would put it into workgroup memory, in scaled halves. So it takes half the room, and half of what the product moves.
 */
export function readable(builder: ProgramBuilder, x: Operand, scaling: Scaling, which: "a" | "b"): Operand {
  const { scales, arithmetic } = builder;
  if (!scales || arithmetic !== "f16") return cheapToRead(builder, x);
  const { name, rows, cols } = x.tensor;
  const stride = Math.ceil(cols / halvesEach) * halvesEach;
  const out = builder.tensor(`${name} (scaled)`, rows, cols, { category: "transient", dtype: "f16", stride });
  if (!isWrittenOut(builder, x, tensorBytes(out))) return x;
  const operand = which === "a" ? 0 : 1;
  lookFirst(builder, [{ x, operand }], scaling);
  const elements = stride / halvesEach;
  for (const window of builder.windows([out, x.tensor], x.unit)) {
    builder.dispatch({
      kernel: {
        label: "scaled_halves",
        code: x.code("x", 1) + scalingText(true) + halvesText + text,
        constants: { stride: elements, x_stride: x.tensor.stride / 4 },
      },
      bindings: [
        { group: 0, index: 1, tensor: out, access: "write", ...window },
        ...scalingBindings(scales, { ...scaling, observes: true }),
        ...x.bindings(1, window),
      ],
      parameters: { rows: window.rows, operand, looks: Number(scaling.observes) },
      workgroups: Math.ceil(Math.ceil(window.rows / rowsPerThread) * elements / threads),
      flops: 16 * window.rows * elements,
      ...scaling.observes && { looksAt: window.rows * cols },
    });
  }
  return scaledHalves(out);
}
