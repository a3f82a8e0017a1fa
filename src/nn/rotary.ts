import { type RotaryShape, rotate } from "../../kernels/embedding/rotary.ts";
import { plain } from "../gpu/operand.ts";
import { type Layer, operator } from "./layer.ts";

/**
 * Rotary positions of the heads that x (N×C) begins with, in the place of x, which nobody needs as it was; of its gradient, too: a rotation's
 * backward is the rotation back.
 */
export function rotary(name: string, shape: RotaryShape): Layer {
  return operator("rotary", (tape, x) => {
    const y = tape.changeable(x, name);
    rotate(tape.builder, y, shape);
    return {
      y: { exact: plain(y) },
      backward: (d) => {
        rotate(tape.builder, d, shape, { back: true });
        return d;
      },
    };
  });
}
