/**
 * A vision Transformer (Dosovitskiy et al., arXiv 2010.11929) as `timm` builds it, in plain float64: loss and gradients, the yardstick of the
 * GPU's model. A class token and the patches of an image, pre-norm blocks, exact GELU, attention in both directions, and a head that reads
 * the class token. Parameters go by timm's names, in the layout that `vitWeightsFrom` in src/models/vit/checkpoint.ts gives them: linear
 * weights, the patches' and the head's included, are [in, out].
 *
 * T tokens an image = 1 + (image/patch)², N = batch·T rows, C = width.
 */

import { crossEntropy } from "../../../kernels/loss/cross_entropy_reference.ts";
import { layerNormForward } from "../../../kernels/norms/layer_norm_reference.ts";
import { columnSums, matmulNN, matmulTN } from "../../../kernels/products/matmul_reference.ts";
import {
  patchEmbeddingBackward,
  patchEmbeddingStart,
  patches,
} from "../../../kernels/embedding/patch_embedding_reference.ts";
import { type BlockNames, runBlocks } from "../shared/block_reference.ts";
import { type ReferenceStorage, ReferenceTape } from "../shared/reference_storage.ts";
import { add, ReferenceLayers, type ReferenceTensors } from "../shared/transformer_reference.ts";

/** The sizes of a ViT; images are `image` pixels wide and high, patches `patch`. */
export interface VitReferenceConfig {
  image: number;
  patch: number;
  layers: number;
  width: number;
  heads: number;
  classes: number;
  layerNormEpsilon: number;
}

/** Images [batch, 3, image, image], bytes b standing for b·(2/255) − 1, and the class of each. */
export interface VitReferenceBatch {
  images: Uint8Array | Float32Array;
  labels: Int32Array;
}

/**
 * Mean loss over the images (nats) and its gradients. Backward reads each saved tensor as `storage` gives it back (`runBlocks` tells
 * which), and exact values of the final LayerNorm, of the class tokens alone, and of the patches, which are a copy of the image. Where
 * every linear layer stores its own input, the head does, as "head input".
 *
 * @param smoothing ε, that of `crossEntropy`
 * @returns `loss`, `gradients` under the names of the weights, `savedNames` in the order of storing
 */
export function vitLossAndGradients(
  weights: ReferenceTensors,
  config: VitReferenceConfig,
  { images, labels }: VitReferenceBatch,
  { smoothing = 0, ...storage }: { smoothing?: number } & ReferenceStorage = {},
): { loss: number; gradients: ReferenceTensors; savedNames: string[] } {
  const { image, patch, width: C, heads, layerNormEpsilon } = config;
  const batch = labels.length;
  const sequence = 1 + (image / patch) ** 2;
  const layers = new ReferenceLayers(weights);

  const rows = patches(images, { batch, image, patch });
  const projection = { m: batch * sequence, n: C, k: rows.length / (batch * sequence) };
  const positions = layers.weight("pos_embed"), bias = layers.weight("patch_embed.proj.bias");
  const x = add(
    patchEmbeddingStart(positions, layers.weight("cls_token"), bias, batch),
    matmulNN(rows, layers.weight("patch_embed.proj.weight"), projection),
  );

  const attention = { batch, sequence, heads, headSize: C / heads, causal: false };
  const blocks = Array.from({ length: config.layers }, (_, i) => blockNames(`blocks.${i}`));
  const tape = new ReferenceTape(batch * sequence, storage);
  const trunk = runBlocks(
    layers,
    blocks,
    x,
    { attention, epsilon: layerNormEpsilon, activation: "erf" },
    tape,
  );
  const final = layerNormForward(classRows(trunk.result, batch, C), batch, C, layerNormEpsilon);
  const headInput = layers.scaled("norm", final.normalized);
  const logits = layers.linear("head", headInput, batch);
  const headSaved = { kind: "linear" as const, layer: config.layers, heads };
  const keptInput = tape.plan.reuse ? headInput : tape.save("head input", headSaved, headInput, batch);
  const { meanLoss, dLogits } = crossEntropy(logits, labels, batch, config.classes, smoothing);

  const dHeadInput = layers.linearBackward("head", dLogits, keptInput, batch);
  const dClass = layers.normBackward("norm", dHeadInput, final.normalized, final.rstd);
  const dResult = new Float64Array(x.length);
  for (let b = 0; b < batch; b++) dResult.set(dClass.subarray(b * C, (b + 1) * C), b * sequence * C);
  const dx = trunk.backward(dResult);

  const dPositions = columnSums(dx, batch, sequence * C);
  const { dClassToken, dBias } = patchEmbeddingBackward(dPositions, C);
  const dProjection = matmulTN(rows, dx, { m: projection.k, n: C, k: projection.m });
  layers.note("pos_embed", dPositions);
  layers.note("cls_token", dClassToken);
  layers.note("patch_embed.proj.bias", dBias);
  layers.note("patch_embed.proj.weight", dProjection);
  return { loss: meanLoss, gradients: layers.gradients, savedNames: tape.savedNames };
}

function blockNames(block: string): BlockNames {
  return {
    block,
    norm1: `${block}.norm1`,
    qkv: `${block}.attn.qkv`,
    project: `${block}.attn.proj`,
    norm2: `${block}.norm2`,
    widen: `${block}.mlp.fc1`,
    narrow: `${block}.mlp.fc2`,
  };
}

/** The first row of every image, [batch, C]. */
function classRows(x: Float64Array, batch: number, C: number): Float64Array {
  const stride = x.length / batch;
  return new Float64Array(batch * C).map((_, i) => x[Math.floor(i / C) * stride + i % C]);
}
