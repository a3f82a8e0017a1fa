import { crossEntropy } from "../../../kernels/loss/cross_entropy_reference.ts";
import type { NormKind } from "../../../kernels/norms/layer_norm.ts";
import { layerNormForward } from "../../../kernels/norms/layer_norm_reference.ts";
import { matmulNN, matmulNT, matmulTN } from "../../../kernels/products/matmul_reference.ts";
import type { ReferenceLayers } from "./transformer_reference.ts";

/** What a language model's head reads, and what it is held to. */
export interface HeadOptions {
  /** The final norm, whose name it is, and its parts. */
  readonly norm: string;
  readonly kind?: NormKind;
  readonly epsilon: number;
  /** Words [V, C]. */
  readonly head: Float64Array;
  /** Token ids [N], −100 counts nowhere. */
  readonly targets: Int32Array;
  /** C, the width of a row. */
  readonly width: number;
}

/**
 * The final norm of the residual stream x [N, C], the head, and the mean loss over valid targets (nats); backward of these with exact values,
 * which notes the norm's gradients.
 */
export function headLoss(
  layers: ReferenceLayers,
  x: Float64Array,
  { norm, kind, epsilon, head, targets, width: C }: HeadOptions,
): { loss: number; dx: Float64Array; dHead: Float64Array } {
  const N = x.length / C, V = head.length / C;
  const final = layerNormForward(x, N, C, epsilon, kind);
  const input = layers.scaled(norm, final.normalized);
  const logits = matmulNT(input, head, { m: N, n: V, k: C });
  const { meanLoss: loss, dLogits } = crossEntropy(logits, targets, N, V);
  const dInput = matmulNN(dLogits, head, { m: N, n: C, k: V });
  const dHead = matmulTN(dLogits, input, { m: V, n: C, k: N });
  return { loss, dx: layers.normBackward(norm, dInput, final.normalized, final.rstd, kind), dHead };
}
