import { geluBackward, geluForward } from "../../kernels/activations/gelu.ts";
import { gelu as geluOf, type GeluKind, plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation, Place, Tape } from "./tape.ts";

/**
 * GELU of x (N×C). What is saved is x, for backward and for the next linear layer's; where that is not the very tensor, forward then writes
 * GELU in its place, else it is computed where it is read. Backward emits d *= GELU'(x) in place.
 */
export function gelu(
  tape: Tape,
  x: Tensor,
  kind: GeluKind,
  place: Place,
): { y: Activation; backward: (d: Tensor) => void } {
  const saved = { kind: "gelu" as const, ...place };
  const kept = tape.save(x, saved);
  const free = tape.savings?.policy.categoryOf(saved) !== "saved";
  if (free) geluForward(tape.builder, x, kind);
  return {
    y: { exact: free ? plain(x) : geluOf(plain(x), kind), kept: geluOf(kept, kind) },
    backward: (d) => geluBackward(tape.builder, d, kept, kind),
  };
}
