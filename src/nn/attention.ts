import {
  attentionBackward,
  attentionForward,
  type AttentionShape,
} from "../../kernels/attention/attention.ts";
import {
  attentionOutput,
  attentionScores,
  materialisedBackward,
} from "../../kernels/attention/materialised_attention.ts";
import { scoreColumns, softmaxForward } from "../../kernels/attention/softmax.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation, Place, Tape } from "./tape.ts";

/** Emits dqkv (N×3C) from dO (N×C). */
export type AttentionBackward = (d: Tensor, dqkv: Tensor) => void;

/** Emits attention over qkv (N×3C), in the form that the storage policy asks for; where nothing is saved, fused. */
export function attention(
  tape: Tape,
  name: string,
  qkv: Tensor,
  shape: AttentionShape,
  place: Place,
): { o: Activation; backward: AttentionBackward } {
  return tape.savings?.policy.attention === "materialised"
    ? materialised(tape, name, qkv, shape, place)
    : fused(tape, name, qkv, shape, place);
}

/** q, k, v are saved as one tensor with a range for each head of each, o with one for each head; the log-sum-exp is kept exactly. */
function fused(tape: Tape, name: string, qkv: Tensor, shape: AttentionShape, place: Place) {
  const { builder } = tape;
  const { heads, headSize } = shape;
  const output = { kind: "output" as const, ...place };
  const o = tape.saved(`${name} output`, qkv.rows, heads * headSize, output);
  const logSumExp = tape.statistic(`${name} log-sum-exp`, qkv.rows, heads);
  attentionForward(builder, plain(qkv), o, logSumExp, shape);
  const keptQkv = tape.save(qkv, { kind: "qkv", parts: 3, ...place });
  const keptO = tape.save(o, output);
  return {
    o: { exact: plain(o), kept: keptO },
    backward: (d: Tensor, dqkv: Tensor) =>
      attentionBackward(builder, keptQkv, keptO, logSumExp, d, dqkv, shape),
  };
}

/**
 * The probabilities exist and are saved, with a range for each head. Where every operator stores its own input, as in Mesa's code, they
 * are stored twice (by the softmax and by the product with v), and the softmax's input too, which nothing reads.
 */
function materialised(tape: Tape, name: string, qkv: Tensor, shape: AttentionShape, place: Place) {
  const { builder, savings } = tape;
  const columns = scoreColumns(shape);
  const probabilities = { kind: "probabilities" as const, ...place };
  const logits = { kind: "logits" as const, ...place };
  const p = tape.saved(`${name} probabilities`, qkv.rows, columns, probabilities);
  // The softmax takes its input's place, unless that very tensor is kept.
  const storesLogits = savings?.policy.reuse === false;
  const keepsLogits = storesLogits && savings?.policy.categoryOf(logits) === "saved";
  const s = keepsLogits ? tape.saved(`${name} logits`, qkv.rows, columns, logits) : p;
  attentionScores(builder, plain(qkv), s, shape);
  if (storesLogits) tape.save(s, logits);
  softmaxForward(builder, s, p, shape);
  const forSoftmax = tape.save(p, probabilities);
  const forProduct = tape.save(p, probabilities);
  const o = tape.saved(`${name} output`, qkv.rows, shape.heads * shape.headSize, {
    kind: "linear",
    ...place,
  });
  attentionOutput(builder, plain(p), plain(qkv), o, shape);
  const keptQkv = tape.save(qkv, { kind: "qkv", parts: 3, ...place });
  return {
    o: { exact: plain(o) }, // only the next layer needs it again, and stores it itself
    backward: (d: Tensor, dqkv: Tensor) =>
      materialisedBackward(builder, keptQkv, forProduct, forSoftmax, d, dqkv, shape),
  };
}
