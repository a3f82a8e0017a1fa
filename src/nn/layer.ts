import { plain } from "../gpu/operand.ts";
import type { Scope } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation, Sink, Tape } from "./tape.ts";

/**
 * Emits, from the gradient dy of a layer's output (N×out), the gradients of its parameters and that of its input (N×in), which it returns:
 * written to `into` where given. It may overwrite dy, and return it.
 */
export type Backward = (dy: Tensor, into?: Sink) => Tensor;

/**
 * A layer is a value: emitted on a tape it gives its output and its backward. It writes its output to `out` where given. It can be emitted
 * many times, over other rows or in another pass.
 */
export type Layer = (tape: Tape, x: Activation, out?: Sink) => { y: Activation; backward: Backward };

/** One layer after the other. */
export function sequence(...layers: readonly Layer[]): Layer {
  return (tape, x, out) => {
    let y = x;
    const backwards = layers.map((layer, i) => {
      const emitted = layer(tape, y, i === layers.length - 1 ? out : undefined);
      y = emitted.y;
      return emitted.backward;
    });
    const backward: Backward = (dy, into) =>
      backwards.reduceRight((d, back, i) => back(d, i === 0 ? into : undefined), dy);
    return { y, backward };
  };
}

/**
 * x + layer(x), in the place of x where x is not kept itself; so is the gradient, always. What is made again stays as it is, for a backward to
 * read. The layer ends in one that can add to its sink.
 */
export function residual(layer: Layer): Layer {
  return (tape, x) => {
    const stream = tape.isAgain ? tape.copy(x, "residual stream") : tape.changeable(x, "residual stream");
    const input = x.exact.cost === "none" ? x : { exact: plain(stream), kept: x.kept };
    const { backward } = layer(tape, input, { tensor: stream, add: true });
    const exact = plain(stream);
    return {
      y: { exact, ...tape.isAgain && { kept: () => exact } },
      backward: (d) => backward(d, { tensor: d, add: true }),
    };
  };
}

/** A layer whose dispatches, forward's and backward's, belong there. What can be updated after its backward, is. */
export function within(scope: Scope, layer: Layer): Layer {
  return (tape, x, out) => {
    const there = <T>(work: () => T) => tape.builder.within(scope, work);
    const { y, backward } = there(() => layer(tape, x, out));
    return {
      y,
      backward: (dy, into) => {
        const dx = there(() => backward(dy, into));
        tape.settle();
        return dx;
      },
    };
  };
}

/** A layer that is an operator, by the name that profiles have for it. */
export const operator = (name: string, layer: Layer): Layer => within({ operator: name }, layer);
