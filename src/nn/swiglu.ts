import { swigluBackward, swigluForward } from "../../kernels/activations/swiglu.ts";
import { type Operand, plain } from "../gpu/operand.ts";
import { type Layer, operator } from "./layer.ts";
import type { Keep } from "./tape.ts";

/**
 * SwiGLU of x (N×2F: gates, and beside them what they let pass), N×F. x is kept, for backward and for the next linear layer's, which makes the
 * output from it once more.
 */
export function swiglu(saved: Keep): Layer {
  return operator("swiglu", (tape, { exact: { tensor: x } }) => {
    const { builder } = tape;
    const kept = tape.keep(x, saved);
    const activated = (h: Operand) => {
      const y = tape.transient(`${saved.key} activated`, x.rows, x.cols / 2);
      builder.within({ operator: "swiglu" }, () => swigluForward(builder, h, y));
      return plain(y);
    };
    return {
      y: { exact: activated(plain(x)), kept: () => activated(kept()) },
      backward: (d) => {
        const dh = tape.transient(`d ${saved.key}`, x.rows, x.cols);
        swigluBackward(builder, d, kept(), dh);
        return dh;
      },
    };
  });
}
