import {
  attentionBackward,
  attentionBackwardFrom,
  attentionForward,
} from "../../kernels/attention/attention.ts";
import type { AttentionShape } from "../../kernels/attention/attention_shape.ts";
import {
  attentionOutput,
  attentionScores,
  materialisedBackward,
} from "../../kernels/attention/materialised_attention.ts";
import { scoreColumns, softmaxForward } from "../../kernels/attention/softmax.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type Layer, operator } from "./layer.ts";
import type { Keep, Place } from "./tape.ts";

/**
 * What is kept of an attention's input, queries, keys and values side by side: tensors with ranges of their own, as wide as the keys. Where heads
 * share keys, the queries are several such tensors.
 */
export const savedQkv = (
  name: string,
  { layer }: Place,
  { heads, keyHeads = heads }: AttentionShape,
): Keep => ({
  key: `${name}.qkv`,
  kind: "qkv",
  layer,
  parts: heads / keyHeads + 2,
  heads: keyHeads,
});

/**
 * Attention over qkv (N×(C + 2K), K channels of keys), in the form that the storage policy asks for; its output is N×C. Where `deltaOf` gives
 * fused attention's backward the row sums of the output and its gradient by head (N×H, stride H), the output is not kept.
 */
export function attention(name: string, shape: AttentionShape, place: Place, deltaOf?: () => Tensor): Layer {
  const [inOne, inParts] = [fused(name, shape, place, deltaOf), materialised(name, shape, place)];
  return operator("attention", (tape, x) => (tape.attention === "fused" ? inOne : inParts)(tape, x));
}

/** q, k, v are kept as one tensor with a range for each head of each, o with one for each head; the log-sum-exp is kept exactly. */
function fused(name: string, shape: AttentionShape, place: Place, deltaOf?: () => Tensor): Layer {
  const { heads, headSize } = shape;
  const output = { kind: "output" as const, ...place };
  return (tape, x) => {
    const { builder } = tape;
    const { exact: qkv, kept } = tape.input(x, savedQkv(name, place, shape));
    const { rows, cols } = qkv.tensor;
    const width = heads * headSize;
    const o = deltaOf
      ? tape.transient(`${name} output`, rows, width)
      : tape.tensor(`${name} output`, rows, width, output);
    const logSumExp = tape.exactly(`${name} log-sum-exp`, rows, heads, heads);
    attentionForward(builder, qkv, o, logSumExp, shape, { scaling: tape.scaling(name, "forward") });
    const keptO = deltaOf ? undefined : tape.keep(o, { key: `${name} output`, ...output });
    return {
      y: { exact: plain(o), kept: keptO },
      backward: (d) => {
        const dqkv = tape.transient(`d ${name}.qkv`, rows, cols);
        const options = { scaling: tape.scaling(`d ${name}`, "backward") };
        if (keptO) attentionBackward(builder, kept(), keptO(), logSumExp, d, dqkv, shape, options);
        else {
          const statistics = { logSumExp, delta: deltaOf!() };
          attentionBackwardFrom(builder, kept(), statistics, d, dqkv, shape, options);
        }
        return dqkv;
      },
    };
  };
}

/**
 * The probabilities exist and are kept, with a range for each head. Where every operator stores its own input, as in Mesa's code, they
 * are stored twice (by the softmax and by the product with v), and the softmax's input too: nothing reads it, but it is kept until backward.
 */
function materialised(name: string, shape: AttentionShape, place: Place): Layer {
  const columns = scoreColumns(shape);
  const probabilities = { kind: "probabilities" as const, ...place };
  const logits = { kind: "logits" as const, ...place };
  return (tape, { exact: qkv }) => {
    const { builder, storesInputs } = tape;
    const { rows, cols } = qkv.tensor;
    const p = tape.tensor(`${name} probabilities`, rows, columns, probabilities);
    // The softmax takes its input's place, unless that very tensor is kept.
    const s = storesInputs && tape.keepsItself(logits)
      ? tape.tensor(`${name} logits`, rows, columns, logits)
      : p;
    attentionScores(builder, qkv, s, shape);
    const keptLogits = storesInputs ? tape.keep(s, { key: `${name} logits`, ...logits }) : undefined;
    softmaxForward(builder, s, p, shape);
    const forSoftmax = tape.keep(p, { key: `${name} probabilities`, ...probabilities });
    const forProduct = storesInputs
      ? tape.keep(p, { key: `${name} probabilities again`, ...probabilities })
      : forSoftmax;
    const o = tape.tensor(`${name} output`, rows, shape.heads * shape.headSize, { kind: "linear", ...place });
    attentionOutput(builder, plain(p), qkv, o, shape);
    const kept = tape.keep(qkv.tensor, savedQkv(name, place, shape));
    return {
      y: { exact: plain(o) }, // only the next layer needs it again, and stores it itself
      backward: (d) => {
        const dqkv = tape.transient(`d ${name}.qkv`, rows, cols);
        if (keptLogits) builder.carry(keptLogits()); // as the authors' code does
        materialisedBackward(builder, kept(), forProduct(), forSoftmax(), d, dqkv, shape);
        return dqkv;
      },
    };
  };
}
