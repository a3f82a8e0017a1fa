/**
 * What the float64 references of the models share: layers that note their weights' gradients, pre-norm blocks, and AdamW steps.
 * Linear weights are [in, out]; a layer's parameters are its name with ".weight" and ".bias".
 *
 * N = batch·sequence rows, C = width.
 */

import {
  type AdamwOptions,
  adamwStep,
  clipScale,
  gradientNorm,
} from "../../../kernels/optimizer/adamw_reference.ts";
import {
  attentionBackward,
  attentionForward,
  type AttentionShape,
} from "../../../kernels/attention/attention_reference.ts";
import { gelu, geluDerivative } from "../../../kernels/activations/gelu_reference.ts";
import { affine, layerNormBackward, layerNormForward } from "../../../kernels/norms/layer_norm_reference.ts";
import { columnSums, matmulNN, matmulNT, matmulTN } from "../../../kernels/products/matmul_reference.ts";
import type { GeluKind } from "../../gpu/operand.ts";

/** Tensors by name, such as "transformer.h.0.attn.c_attn.weight" or "blocks.0.attn.qkv.weight". */
export type ReferenceTensors = Map<string, Float64Array>;

/** What storage gives back of a saved tensor [rows, cols]. */
export type ReferenceStore = (
  name: string,
  tensor: Float64Array,
  rows: number,
  cols: number,
) => Float64Array;

/** The weights as float64, from tensors of any float type or their elements alone. */
export function referenceWeights(
  tensors: ReadonlyMap<string, ArrayLike<number> | { data: ArrayLike<number> }>,
): ReferenceTensors {
  const elements = (tensor: ArrayLike<number> | { data: ArrayLike<number> }) =>
    "data" in tensor ? tensor.data : tensor;
  return new Map([...tensors].map(([name, tensor]) => [name, Float64Array.from(elements(tensor))]));
}

/**
 * Layers over weights whose names begin with `prefix`; the methods' names leave it out. Sizes follow from those of the tensors. Each
 * backward notes the gradients of its parameters, under their full names.
 */
export class ReferenceLayers {
  readonly gradients: ReferenceTensors = new Map();

  constructor(private readonly weights: ReferenceTensors, private readonly prefix = "") {}

  /** The weight of that name; throws a RangeError if there is none. */
  weight(name: string): Float64Array {
    const tensor = this.weights.get(this.prefix + name);
    if (!tensor) throw new RangeError(`The weights lack ${this.prefix}${name}`);
    return tensor;
  }

  /** Notes the gradient of a weight. */
  note(name: string, gradient: Float64Array): void {
    this.gradients.set(this.prefix + name, gradient);
  }

  /** γ·normalized + β. */
  scaled(name: string, normalized: Float64Array): Float64Array {
    const beta = this.weight(`${name}.bias`), cols = beta.length;
    return affine(normalized, this.weight(`${name}.weight`), beta, normalized.length / cols, cols);
  }

  /** Notes the gradients of γ and β and returns dx. */
  normBackward(name: string, dy: Float64Array, normalized: Float64Array, rstd: Float64Array): Float64Array {
    const gamma = this.weight(`${name}.weight`);
    const { dx, dgamma, dbeta } = layerNormBackward(dy, normalized, rstd, gamma, rstd.length, gamma.length);
    this.note(`${name}.weight`, dgamma);
    this.note(`${name}.bias`, dbeta);
    return dx;
  }

  /** x·W + b. */
  linear(name: string, x: Float64Array): Float64Array {
    const weight = this.weight(`${name}.weight`), bias = this.weight(`${name}.bias`);
    const n = bias.length, k = weight.length / n;
    return matmulNN(x, weight, { m: x.length / k, n, k }).map((value, i) => value + bias[i % n]);
  }

  /** Notes the gradients of W and b, given what is known of the input, and returns dx. */
  linearBackward(name: string, dy: Float64Array, storedInput: Float64Array): Float64Array {
    const weight = this.weight(`${name}.weight`);
    const n = this.weight(`${name}.bias`).length, k = weight.length / n, m = dy.length / n;
    this.note(`${name}.weight`, matmulTN(storedInput, dy, { m: k, n, k: m }));
    this.note(`${name}.bias`, columnSums(dy, m, n));
    return matmulNT(dy, weight, { m, n: k, k: n });
  }
}

/** The layers of a block by name, such as "h.0.attn.c_attn", and the name of the whole, such as "h.0". */
export interface BlockNames {
  block: string;
  norm1: string;
  qkv: string;
  project: string;
  norm2: string;
  widen: string;
  narrow: string;
}

/** What all blocks of a model have in common. */
export interface BlockOptions {
  attention: AttentionShape;
  layerNormEpsilon: number;
  gelu: GeluKind;
  store?: ReferenceStore;
}

/** A tensor's gradient behind some layers mapped to that before them. */
export type Backward = (dResult: Float64Array) => Float64Array;

/**
 * Runs a chain of pre-norm blocks: x ← x + attention(norm1(x)), then x ← x + MLP(norm2(x)).
 *
 * Each block saves five tensors: the outputs of both LayerNorms before γ and β [N, C] under the names of `norm1` and `norm2`, q | k | v
 * [N, 3C] as "BLOCK.attn.qkv", the output of attention before its projection [N, C] as "BLOCK.attn output", and the input of GELU
 * [N, 4C] as "BLOCK.mlp.gelu_input". Forward is exact. Backward reads each saved tensor as `store` gives it back, and exact values of
 * what is not stored: every LayerNorm's rstd and attention's log-sum-exp. Where the input of a linear layer is a function of a saved
 * tensor (γ·x̂ + β after a LayerNorm, GELU before the second MLP layer) its weight gradient takes that function of the stored one.
 *
 * @param x [N, C]
 * @returns `result` [N, C], its `backward`, and `savedNames` in the order of storing
 */
export function runBlocks(
  layers: ReferenceLayers,
  blocks: readonly BlockNames[],
  x: Float64Array,
  { store, ...options }: BlockOptions,
): { result: Float64Array; backward: Backward; savedNames: string[] } {
  const rows = options.attention.batch * options.attention.sequence;
  const savedNames: string[] = [];
  function save(name: string, tensor: Float64Array): Float64Array {
    savedNames.push(name);
    return store ? store(name, tensor, rows, tensor.length / rows) : tensor;
  }
  const backwards: Backward[] = [];
  let result = x;
  for (const names of blocks) {
    const block = runBlock(layers, names, result, options, save);
    result = block.result;
    backwards.unshift(block.backward);
  }
  const backward = (dResult: Float64Array) => backwards.reduce((dx, block) => block(dx), dResult);
  return { result, backward, savedNames };
}

function runBlock(
  layers: ReferenceLayers,
  { block, norm1, qkv, project, norm2, widen, narrow }: BlockNames,
  x: Float64Array,
  { attention, layerNormEpsilon: epsilon, gelu: kind }: BlockOptions,
  save: (name: string, tensor: Float64Array) => Float64Array,
): { result: Float64Array; backward: Backward } {
  const rows = attention.batch * attention.sequence, width = x.length / rows;
  const activated = (input: Float64Array) => input.map((value) => gelu(value, kind));

  const first = layerNormForward(x, rows, width, epsilon);
  const split = layers.linear(qkv, layers.scaled(norm1, first.normalized));
  const { output, logSumExp } = attentionForward(split, attention);
  const middle = add(x, layers.linear(project, output));
  const second = layerNormForward(middle, rows, width, epsilon);
  const hidden = layers.linear(widen, layers.scaled(norm2, second.normalized));
  const result = add(middle, layers.linear(narrow, activated(hidden)));

  const stored = {
    norm1: save(norm1, first.normalized),
    qkv: save(`${block}.attn.qkv`, split),
    output: save(`${block}.attn output`, output),
    norm2: save(norm2, second.normalized),
    hidden: save(`${block}.mlp.gelu_input`, hidden),
  };

  function backward(dResult: Float64Array): Float64Array {
    const dActivated = layers.linearBackward(narrow, dResult, activated(stored.hidden));
    const dHidden = dActivated.map((value, i) => value * geluDerivative(stored.hidden[i], kind));
    const dNorm2 = layers.linearBackward(widen, dHidden, layers.scaled(norm2, stored.norm2));
    const dMiddle = add(dResult, layers.normBackward(norm2, dNorm2, stored.norm2, second.rstd));
    const dOutput = layers.linearBackward(project, dMiddle, stored.output);
    const dQkv = attentionBackward(dOutput, stored.qkv, stored.output, logSumExp, attention);
    const dNorm1 = layers.linearBackward(qkv, dQkv, layers.scaled(norm1, stored.norm1));
    return add(dMiddle, layers.normBackward(norm1, dNorm1, stored.norm1, first.rstd));
  }

  return { result, backward };
}

/** Weights under training with both AdamW moments; `step` counts the steps taken. */
export interface ReferenceState {
  weights: ReferenceTensors;
  m: ReferenceTensors;
  v: ReferenceTensors;
  step: number;
}

/** A state at step 0 over a copy of the weights. */
export function referenceState(weights: ReferenceTensors): ReferenceState {
  const each = (make: (tensor: Float64Array) => Float64Array): ReferenceTensors =>
    new Map([...weights].map(([name, tensor]) => [name, make(tensor)]));
  const zeros = (tensor: Float64Array) => new Float64Array(tensor.length);
  return { weights: each((tensor) => tensor.slice()), m: each(zeros), v: each(zeros), step: 0 };
}

/** How a step updates: AdamW's numbers, which tensors decay (all by default), and the norm to clip at (0, the default, clips nothing). */
export interface UpdateOptions extends AdamwOptions {
  decayed?: (name: string) => boolean;
  clipNorm?: number;
}

/** One step of AdamW with clipping by the norm of all gradients; changes `state`. */
export function updateWeights(
  state: ReferenceState,
  gradients: ReferenceTensors,
  { decayed = () => true, clipNorm = 0, ...adamw }: UpdateOptions,
): void {
  const scale = clipNorm > 0 ? clipScale(gradientNorm(gradients.values()), clipNorm) : 1;
  state.step++;
  for (const [name, parameter] of state.weights) {
    const gradient = gradients.get(name)!.map((value) => value * scale);
    const tensors = { parameter, gradient, m: state.m.get(name)!, v: state.v.get(name)! };
    adamwStep(tensors, state.step, adamw, decayed(name));
  }
}

/** a + b, element by element. */
export function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]);
}
