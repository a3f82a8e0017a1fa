import { geluBackward, geluForward } from "../../kernels/activations/gelu.ts";
import { takesHalves } from "../../kernels/products/scaled_halves.ts";
import { gelu as geluOf, type GeluKind, plain } from "../gpu/operand.ts";
import { type Layer, operator } from "./layer.ts";
import type { Keep } from "./tape.ts";

/**
 * GELU of x (N×C), which is kept, for backward and for the next linear layer's; where that is not the very tensor, forward then writes GELU
 * in its place, else it is computed where it is read, or where scaled halves of it are written. The gradient takes the place of the output's.
 */
export function gelu(kind: GeluKind, saved: Keep): Layer {
  return operator("gelu", (tape, { exact: { tensor: x } }) => {
    const kept = tape.keep(x, saved);
    const taken = takesHalves(tape.builder) ? undefined : tape.takes(x);
    if (taken) geluForward(tape.builder, taken, kind);
    return {
      y: { exact: taken ? plain(taken) : geluOf(plain(x), kind), kept: () => geluOf(kept(), kind) },
      backward: (d) => {
        geluBackward(tape.builder, d, kept(), kind);
        return d;
      },
    };
  });
}
