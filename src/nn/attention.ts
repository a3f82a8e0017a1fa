import { attentionBackward, attentionForward, type AttentionShape } from "../../kernels/attention.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation, Tape } from "./tape.ts";

/** Emits dqkv (N×3C) from dO (N×C). */
export type AttentionBackward = (d: Tensor, dqkv: Tensor) => void;

/**
 * Emits fused attention over qkv (N×3C). q, k, v are saved as one tensor with a range for each head of each, o with one for each head;
 * the log-sum-exp is kept exactly.
 */
export function attention(
  tape: Tape,
  name: string,
  qkv: Tensor,
  shape: AttentionShape,
): { o: Activation; backward: AttentionBackward } {
  const { builder, savings } = tape;
  const { heads, headSize } = shape;
  const o = tape.saved(`${name} output`, qkv.rows, heads * headSize);
  const logSumExp = tape.statistic(`${name} log-sum-exp`, qkv.rows, heads);
  attentionForward(builder, plain(qkv), o, logSumExp, shape);
  const keptQkv = savings?.save(qkv, { groups: 3 * heads }) ?? plain(qkv);
  const keptO = savings?.save(o, { groups: heads }) ?? plain(o);
  return {
    o: { exact: plain(o), kept: keptO },
    backward: (d, dqkv) => attentionBackward(builder, keptQkv, keptO, logSumExp, d, dqkv, shape),
  };
}
