import type { SavedTensor } from "../storage/policy.ts";
import type { Layer } from "./layer.ts";
import type { Keep } from "./tape.ts";

/**
 * A layer of which nothing is kept but its input, where the policy recomputes `what`: what is kept of the input already, or else x, stored as
 * `input` says; without `input` it is at hand in backward. Backward emits the layer again, and then its backward (Chen et al., arXiv 1604.06174).
 * Of what is emitted again, only what somebody reads is made.
 */
export function recompute(layer: Layer, what: SavedTensor, input?: Keep): Layer {
  return (tape, x, out) => {
    if (!tape.recomputes(what)) return layer(tape, x, out);
    const { exact, kept } = input ? tape.input(x, input) : { exact: x.exact, kept: () => x.exact };
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
  };
}
