import { geluBackward } from "../../kernels/gelu.ts";
import { gelu as geluOf, plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation, Tape } from "./tape.ts";

/**
 * GELU of x (N×C), computed where it is read: forward emits nothing, and what is saved is x, for backward and for the next linear layer's.
 * Backward emits d *= GELU'(x) in place.
 */
export function gelu(tape: Tape, x: Tensor, heads: number): { y: Activation; backward: (d: Tensor) => void } {
  const kept = tape.savings?.save(x, { groups: heads }) ?? plain(x);
  return {
    y: { exact: geluOf(plain(x)), kept: geluOf(kept) },
    backward: (d) => geluBackward(tape.builder, d, kept),
  };
}
