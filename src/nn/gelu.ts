import { geluBackward } from "../../kernels/gelu.ts";
import { gelu as geluOf, type GeluKind, plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation, Place, Tape } from "./tape.ts";

/**
 * GELU of x (N×C), computed where it is read: forward emits nothing, and what is saved is x, for backward and for the next linear layer's.
 * Backward emits d *= GELU'(x) in place.
 */
export function gelu(
  tape: Tape,
  x: Tensor,
  kind: GeluKind,
  place: Place,
): { y: Activation; backward: (d: Tensor) => void } {
  const kept = tape.save(x, { kind: "gelu", ...place });
  return {
    y: { exact: geluOf(plain(x), kind), kept: geluOf(kept, kind) },
    backward: (d) => geluBackward(tape.builder, d, kept, kind),
  };
}
