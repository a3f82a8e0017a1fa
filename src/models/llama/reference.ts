/**
 * The whole of Llama (Touvron et al., arXiv 2302.13971; grouped heads and scaled rotary positions as in arXiv 2407.21783) in plain float64: loss,
 * gradients and AdamW steps, the yardstick of the GPU's model. Pre-norm blocks of RMSNorm, rotary positions, SwiGLU, no biases. Weights go by
 * the names of `llamaParameters`, [in, out], queries, keys and values as one, and gates and what they let pass.
 *
 * N = batch·sequence rows, C = width, V = vocab.
 */

import { embeddingBackward, embeddingForward } from "../../../kernels/embedding/embedding_reference.ts";
import { rotaryFrequencies } from "../../../kernels/embedding/rotary_frequencies.ts";
import { type BlockNames, runBlocks } from "../shared/block_reference.ts";
import type { Sizes } from "../shared/family.ts";
import { headLoss } from "../shared/language_reference.ts";
import { type ReferenceStorage, ReferenceTape } from "../shared/reference_storage.ts";
import {
  add,
  ReferenceLayers,
  type ReferenceState,
  type ReferenceTensors,
  type UpdateOptions,
  updateWeights,
} from "../shared/transformer_reference.ts";
import { type LlamaConfig, rotaryOf } from "./config.ts";

/**
 * Mean loss over valid targets (nats) and its gradients. Backward reads each saved tensor as `storage` gives it back (`runBlocks` tells
 * which), and exact values of all of the final RMSNorm, whose output the head consumes at once.
 *
 * @param inputs token ids [N]
 * @param targets token ids [N], −100 counts nowhere
 * @returns `loss`, `gradients` under the names of the weights, `savedNames` in the order of storing
 */
export function llamaLossAndGradients(
  weights: ReferenceTensors,
  config: Sizes<LlamaConfig>,
  inputs: Uint32Array,
  targets: Int32Array,
  { batch, sequence }: { batch: number; sequence: number },
  storage: ReferenceStorage = {},
): { loss: number; gradients: ReferenceTensors; savedNames: string[] } {
  const { width: C, heads, keyHeads, headSize, vocab: V, normEpsilon: epsilon, tiedHead } = config;
  const N = batch * sequence;
  const layers = new ReferenceLayers(weights);
  const words = layers.weight("model.embed_tokens.weight");
  const head = tiedHead ? words : layers.weight("lm_head.weight");

  const x = embeddingForward(inputs, words, undefined, { batch, sequence, cols: C });
  const blocks = Array.from({ length: config.layers }, (_, i) => blockNames(i));
  const tape = new ReferenceTape(N, storage);
  const trunk = runBlocks(layers, blocks, x, {
    attention: { batch, sequence, heads, keyHeads, headSize, causal: true },
    epsilon,
    norm: "rms",
    activation: "swiglu",
    rotary: rotaryFrequencies(rotaryOf(config)),
  }, tape);
  const read = { norm: "model.norm", kind: "rms" as const, epsilon, head, targets, width: C };
  const { loss, dx, dHead } = headLoss(layers, trunk.result, read);

  const { dWord } = embeddingBackward(trunk.backward(dx), inputs, {
    batch,
    sequence,
    cols: C,
    vocab: V,
    positions: sequence,
  });
  layers.note("model.embed_tokens.weight", tiedHead ? add(dWord, dHead) : dWord);
  if (!tiedHead) layers.note("lm_head.weight", dHead);
  return { loss, gradients: layers.gradients, savedNames: tape.savedNames };
}

function blockNames(layer: number): BlockNames {
  const name = `model.layers.${layer}`;
  return {
    block: name,
    norm1: `${name}.input_layernorm`,
    qkv: `${name}.self_attn.qkv_proj`,
    project: `${name}.self_attn.o_proj`,
    norm2: `${name}.post_attention_layernorm`,
    widen: `${name}.mlp.gate_up_proj`,
    narrow: `${name}.mlp.down_proj`,
  };
}

/** One training step: loss and gradients, clipping, AdamW. Changes `state` and returns the loss before the update. */
export function llamaTrainStep(
  state: ReferenceState,
  config: Sizes<LlamaConfig>,
  { inputs, targets }: { inputs: Uint32Array; targets: Int32Array },
  shape: { batch: number; sequence: number },
  update: UpdateOptions,
): number {
  const { loss, gradients } = llamaLossAndGradients(state.weights, config, inputs, targets, shape);
  updateWeights(state, gradients, update);
  return loss;
}
