/**
 * The whole of GPT-2 (Radford et al., 2019) in plain float64: loss, gradients and AdamW steps, the yardstick of the GPU's model. Pre-norm
 * blocks, GELU by tanh, causal attention, the head tied to the word embedding. Weights go by the names of `transformers`; linear weights
 * are stored [in, out].
 *
 * N = batch·sequence rows, C = width, V = vocab.
 */

import { embeddingBackward, embeddingForward } from "../../../kernels/embedding/embedding_reference.ts";
import { type BlockNames, runBlocks } from "../shared/block_reference.ts";
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

/** The sizes of a GPT-2. */
export interface Gpt2ReferenceConfig {
  layers: number;
  width: number;
  heads: number;
  vocab: number;
  positions: number;
  layerNormEpsilon: number;
}

/**
 * Mean loss over valid targets (nats) and its gradients. Backward reads each saved tensor as `storage` gives it back (`runBlocks` tells
 * which), and exact values of all of the final LayerNorm, whose output the head consumes at once.
 *
 * @param inputs token ids [N]
 * @param targets token ids [N], −100 counts nowhere
 * @returns `loss`, `gradients` under the names of the weights, `savedNames` in the order of storing
 */
export function gpt2LossAndGradients(
  weights: ReferenceTensors,
  config: Gpt2ReferenceConfig,
  inputs: Uint32Array,
  targets: Int32Array,
  { batch, sequence }: { batch: number; sequence: number },
  storage: ReferenceStorage = {},
): { loss: number; gradients: ReferenceTensors; savedNames: string[] } {
  const { width: C, heads, vocab: V, positions, layerNormEpsilon } = config;
  const N = batch * sequence;
  const layers = new ReferenceLayers(weights, "transformer.");
  const words = layers.weight("wte.weight");
  const sizes = { batch, sequence, cols: C };

  const x = embeddingForward(inputs, words, layers.weight("wpe.weight"), sizes);
  const attention = { batch, sequence, heads, headSize: C / heads, causal: true };
  const blocks = Array.from({ length: config.layers }, (_, i) => blockNames(`h.${i}`));
  const tape = new ReferenceTape(N, storage);
  const trunk = runBlocks(
    layers,
    blocks,
    x,
    { attention, epsilon: layerNormEpsilon, activation: "tanh" },
    tape,
  );
  const read = { norm: "ln_f", epsilon: layerNormEpsilon, head: words, targets, width: C };
  const { loss, dx, dHead } = headLoss(layers, trunk.result, read);

  const { dWord, dPosition } = embeddingBackward(trunk.backward(dx), inputs, {
    ...sizes,
    vocab: V,
    positions,
  });
  layers.note("wte.weight", add(dWord, dHead));
  layers.note("wpe.weight", dPosition);
  return { loss, gradients: layers.gradients, savedNames: tape.savedNames };
}

function blockNames(block: string): BlockNames {
  return {
    block,
    norm1: `${block}.ln_1`,
    qkv: `${block}.attn.c_attn`,
    project: `${block}.attn.c_proj`,
    norm2: `${block}.ln_2`,
    widen: `${block}.mlp.c_fc`,
    narrow: `${block}.mlp.c_proj`,
  };
}

/** One training step: loss and gradients, clipping, AdamW. Changes `state` and returns the loss before the update. */
export function gpt2TrainStep(
  state: ReferenceState,
  config: Gpt2ReferenceConfig,
  { inputs, targets }: { inputs: Uint32Array; targets: Int32Array },
  shape: { batch: number; sequence: number },
  update: UpdateOptions,
): number {
  const { loss, gradients } = gpt2LossAndGradients(state.weights, config, inputs, targets, shape);
  updateWeights(state, gradients, update);
  return loss;
}
