/**
 * The whole of GPT-2 (Radford et al., 2019) in plain float64: loss, gradients and AdamW steps, the yardstick of the GPU's model. Pre-norm
 * blocks, GELU by tanh, causal attention, the head tied to the word embedding. Weights go by the names of `transformers`; linear weights
 * are stored [in, out].
 *
 * N = batch·sequence rows, C = width, V = vocab.
 */

import { type AdamwOptions, adamwStep, clipScale, gradientNorm } from "../../kernels/adamw_reference.ts";
import { attentionBackward, attentionForward } from "../../kernels/attention_reference.ts";
import { crossEntropy } from "../../kernels/cross_entropy_reference.ts";
import { embeddingBackward, embeddingForward } from "../../kernels/embedding_reference.ts";
import { gelu, geluDerivative } from "../../kernels/gelu_reference.ts";
import { affine, layerNormBackward, layerNormForward } from "../../kernels/layer_norm_reference.ts";
import { columnSums, matmulNN, matmulNT, matmulTN } from "../../kernels/matmul_reference.ts";

/** The sizes of a GPT-2. */
export interface Gpt2ReferenceConfig {
  layers: number;
  width: number;
  heads: number;
  vocab: number;
  positions: number;
  layerNormEpsilon: number;
}

/** Tensors by name, such as "transformer.h.0.attn.c_attn.weight". */
export type Gpt2Tensors = Map<string, Float64Array>;

/**
 * A tensor that backward reads: the outputs of both LayerNorms before γ and β [N, C], q | k | v [N, 3C], the output of attention before
 * its projection [N, C], and the input of GELU [N, 4C].
 */
export type SavedName = `h.${number}.${"ln_1" | "attn.qkv" | "attn.output" | "ln_2" | "mlp.gelu_input"}`;

/** What storage gives back of a saved tensor [rows, cols]. */
export type Store = (name: SavedName, tensor: Float64Array, rows: number, cols: number) => Float64Array;

/** The weights as float64, from tensors of any float type. */
export function referenceWeights(tensors: Map<string, { data: ArrayLike<number> }>): Gpt2Tensors {
  return new Map([...tensors].map(([name, { data }]) => [name, Float64Array.from(data)]));
}

/**
 * Mean loss over valid targets (nats) and its gradients. Forward is exact; backward reads each saved tensor as `store` gives it back, and
 * exact values of what is not stored: every LayerNorm's rstd, attention's log-sum-exp, and all of the final LayerNorm, whose output the
 * head consumes at once. Where the input of a linear layer is a function of a saved tensor (γ·x̂ + β after a LayerNorm, GELU before the
 * second MLP layer) its weight gradient takes that function of the stored one.
 *
 * @param inputs token ids [N]
 * @param targets token ids [N], −100 counts nowhere
 * @returns `loss`, `gradients` under the names of the weights, `savedNames` in the order of storing
 */
export function gpt2LossAndGradients(
  weights: Gpt2Tensors,
  config: Gpt2ReferenceConfig,
  inputs: Uint32Array,
  targets: Int32Array,
  { batch, sequence }: { batch: number; sequence: number },
  store: Store = (_name, tensor) => tensor,
): { loss: number; gradients: Gpt2Tensors; savedNames: SavedName[] } {
  const { layers, width: C, heads, vocab: V, positions, layerNormEpsilon: epsilon } = config;
  const N = batch * sequence;
  const attention = { batch, sequence, heads, headSize: C / heads, causal: true };
  const gradients: Gpt2Tensors = new Map();
  const savedNames: SavedName[] = [];

  function weight(name: string): Float64Array {
    const tensor = weights.get(name);
    if (!tensor) throw new RangeError(`The weights lack ${name}`);
    return tensor;
  }

  function save(name: SavedName, tensor: Float64Array): Float64Array {
    savedNames.push(name);
    return store(name, tensor, N, tensor.length / N);
  }

  /** γ·normalized + β. */
  function scaled(name: string, normalized: Float64Array): Float64Array {
    return affine(normalized, weight(`${name}.weight`), weight(`${name}.bias`), N, C);
  }

  /** x·W + b; the sizes follow from those of x and b. */
  function linear(name: string, x: Float64Array): Float64Array {
    const bias = weight(`${name}.bias`);
    const y = matmulNN(x, weight(`${name}.weight`), { m: N, n: bias.length, k: x.length / N });
    return y.map((value, i) => value + bias[i % bias.length]);
  }

  /** Notes the gradients of W and b, given what is known of the input, and returns dx. */
  function linearBackward(name: string, dy: Float64Array, storedInput: Float64Array): Float64Array {
    const rows = storedInput.length / N, cols = dy.length / N;
    gradients.set(`${name}.weight`, matmulTN(storedInput, dy, { m: rows, n: cols, k: N }));
    gradients.set(`${name}.bias`, columnSums(dy, N, cols));
    return matmulNT(dy, weight(`${name}.weight`), { m: N, n: rows, k: cols });
  }

  /** Notes the gradients of γ and β and returns dx. */
  function normBackward(name: string, dy: Float64Array, normalized: Float64Array, rstd: Float64Array) {
    const { dx, dgamma, dbeta } = layerNormBackward(dy, normalized, rstd, weight(`${name}.weight`), N, C);
    gradients.set(`${name}.weight`, dgamma);
    gradients.set(`${name}.bias`, dbeta);
    return dx;
  }

  /** Runs block `index`; returns its output and its backward, which maps the output's gradient to the input's. */
  function block(index: number, x: Float64Array) {
    const h = `transformer.h.${index}`;
    const norm1 = layerNormForward(x, N, C, epsilon);
    const qkv = linear(`${h}.attn.c_attn`, scaled(`${h}.ln_1`, norm1.normalized));
    const { output, logSumExp } = attentionForward(qkv, attention);
    const middle = add(x, linear(`${h}.attn.c_proj`, output));
    const norm2 = layerNormForward(middle, N, C, epsilon);
    const geluInput = linear(`${h}.mlp.c_fc`, scaled(`${h}.ln_2`, norm2.normalized));
    const result = add(middle, linear(`${h}.mlp.c_proj`, geluInput.map(gelu)));

    const stored = {
      norm1: save(`h.${index}.ln_1`, norm1.normalized),
      qkv: save(`h.${index}.attn.qkv`, qkv),
      output: save(`h.${index}.attn.output`, output),
      norm2: save(`h.${index}.ln_2`, norm2.normalized),
      geluInput: save(`h.${index}.mlp.gelu_input`, geluInput),
    };

    function backward(dResult: Float64Array): Float64Array {
      const dGelu = linearBackward(`${h}.mlp.c_proj`, dResult, stored.geluInput.map(gelu));
      const dGeluInput = dGelu.map((value, i) => value * geluDerivative(stored.geluInput[i]));
      const dNorm2 = linearBackward(`${h}.mlp.c_fc`, dGeluInput, scaled(`${h}.ln_2`, stored.norm2));
      const dMiddle = add(dResult, normBackward(`${h}.ln_2`, dNorm2, stored.norm2, norm2.rstd));
      const dOutput = linearBackward(`${h}.attn.c_proj`, dMiddle, stored.output);
      const dQkv = attentionBackward(dOutput, stored.qkv, stored.output, logSumExp, attention);
      const dNorm1 = linearBackward(`${h}.attn.c_attn`, dQkv, scaled(`${h}.ln_1`, stored.norm1));
      return add(dMiddle, normBackward(`${h}.ln_1`, dNorm1, stored.norm1, norm1.rstd));
    }

    return { result, backward };
  }

  const words = weight("transformer.wte.weight");
  let x = embeddingForward(inputs, words, weight("transformer.wpe.weight"), { batch, sequence, cols: C });
  const backwards: ((dResult: Float64Array) => Float64Array)[] = [];
  for (let index = 0; index < layers; index++) {
    const { result, backward } = block(index, x);
    x = result;
    backwards.unshift(backward);
  }
  const final = layerNormForward(x, N, C, epsilon);
  const headInput = scaled("transformer.ln_f", final.normalized);
  const logits = matmulNT(headInput, words, { m: N, n: V, k: C });
  const { meanLoss, dLogits } = crossEntropy(logits, targets, N, V);

  const dHeadInput = matmulNN(dLogits, words, { m: N, n: C, k: V });
  let dx = normBackward("transformer.ln_f", dHeadInput, final.normalized, final.rstd);
  for (const backward of backwards) dx = backward(dx);
  const { dWord, dPosition } = embeddingBackward(dx, inputs, {
    batch,
    sequence,
    cols: C,
    vocab: V,
    positions,
  });
  gradients.set("transformer.wte.weight", add(dWord, matmulTN(dLogits, headInput, { m: V, n: C, k: N })));
  gradients.set("transformer.wpe.weight", dPosition);
  return { loss: meanLoss, gradients, savedNames };
}

/** Weights under training with both AdamW moments; `step` counts the steps taken. */
export interface Gpt2TrainingState {
  weights: Gpt2Tensors;
  m: Gpt2Tensors;
  v: Gpt2Tensors;
  step: number;
}

/** A state at step 0 over a copy of the weights. */
export function gpt2TrainingState(weights: Gpt2Tensors): Gpt2TrainingState {
  const each = (make: (tensor: Float64Array) => Float64Array): Gpt2Tensors =>
    new Map([...weights].map(([name, tensor]) => [name, make(tensor)]));
  const zeros = (tensor: Float64Array) => new Float64Array(tensor.length);
  return { weights: each((tensor) => tensor.slice()), m: each(zeros), v: each(zeros), step: 0 };
}

/** How a step updates: AdamW's numbers, which tensors decay (all by default), and the norm to clip at (0, the default, clips nothing). */
export interface Gpt2StepOptions extends AdamwOptions {
  decayed?: (name: string) => boolean;
  clipNorm?: number;
  store?: Store;
}

/** One training step: loss and gradients, clipping, AdamW. Changes `state` and returns the loss before the update. */
export function gpt2TrainStep(
  state: Gpt2TrainingState,
  config: Gpt2ReferenceConfig,
  { inputs, targets }: { inputs: Uint32Array; targets: Int32Array },
  shape: { batch: number; sequence: number },
  { decayed = () => true, clipNorm = 0, store, ...adamw }: Gpt2StepOptions,
): number {
  const { loss, gradients } = gpt2LossAndGradients(state.weights, config, inputs, targets, shape, store);
  const scale = clipNorm > 0 ? clipScale(gradientNorm(gradients.values()), clipNorm) : 1;
  state.step++;
  for (const [name, parameter] of state.weights) {
    const gradient = gradients.get(name)!.map((value) => value * scale);
    adamwStep(
      { parameter, gradient, m: state.m.get(name)!, v: state.v.get(name)! },
      state.step,
      adamw,
      decayed(name),
    );
  }
  return loss;
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]);
}
