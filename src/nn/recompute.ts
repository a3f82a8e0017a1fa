import type { SavedTensor } from "../storage/policy.ts";
import type { Layer } from "./layer.ts";
import type { Activation, Keep, Sink, Tape } from "./tape.ts";

/**
 * A layer of which nothing is kept but its input, where the policy recomputes `what`: what is kept of the input already, or else x, stored as
 * `input` says; without `input` it is at hand in backward. Backward emits the layer again, and then its backward (Chen et al., arXiv 1604.06174).
 * Of what is emitted again, only what somebody reads is made.
 */
export function recompute(layer: Layer, what: SavedTensor, input?: Keep): Layer {
  return (tape, x, out) => {
    if (!tape.recomputes(what)) return layer(tape, x, out);
    return remade(layer, tape, input ? tape.input(x, input) : { exact: x.exact, kept: () => x.exact }, out);
  };
}

/**
 * A cheap layer over the input of what is made again. Between its forward, emitted again, and its own backward lies that of all behind it: so
 * long its output is not held, but made once more from the input, which is kept anyway.
 */
export function remadeLate(layer: Layer): Layer {
  return (tape, x, out) => {
    const { exact, kept } = x;
    return kept && tape.isAgain ? remade(layer, tape, { exact, kept }, out) : layer(tape, x, out);
  };
}

/** Emits a layer, of which nothing is kept, and emits it again when backward first asks for something of it. */
function remade(
  layer: Layer,
  tape: Tape,
  { exact, kept }: Required<Activation>,
  out?: Sink,
): ReturnType<Layer> {
  const { y } = layer(tape.quiet(), { exact, kept }, out);
  let emitted: ReturnType<Layer> | undefined;
  const again = () =>
    emitted ??= tape.builder.within({ pass: "recompute" }, () => {
      const restored = kept();
      return layer(tape.again(), { exact: restored, kept: () => restored });
    });
  return {
    y: { exact: y.exact, kept: y.kept && (() => again().y.kept!()) },
    backward: (dy, into) => again().backward(dy, into),
  };
}
