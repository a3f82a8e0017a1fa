/**
 * What the float64 references of the models share: layers that note their weights' gradients, and AdamW steps.
 * Linear weights are [in, out]; a layer's parameters are its name with ".weight" and ".bias", which may be missing.
 *
 * N = batch·sequence rows, C = width.
 */

import {
  type AdamwOptions,
  adamwStep,
  clipScale,
  gradientNorm,
} from "../../../kernels/optimizer/adamw_reference.ts";
import type { NormKind } from "../../../kernels/norms/layer_norm.ts";
import { affine, layerNormBackward } from "../../../kernels/norms/layer_norm_reference.ts";
import { columnSums, matmulNN, matmulNT, matmulTN } from "../../../kernels/products/matmul_reference.ts";

/** Tensors by name, such as "transformer.h.0.attn.c_attn.weight" or "blocks.0.attn.qkv.weight". */
export type ReferenceTensors = Map<string, Float64Array>;

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

  #bias(name: string): Float64Array | undefined {
    return this.weights.get(`${this.prefix}${name}.bias`);
  }

  /** Notes the gradient of a weight. */
  note(name: string, gradient: Float64Array): void {
    this.gradients.set(this.prefix + name, gradient);
  }

  /** γ·normalized + β. */
  scaled(name: string, normalized: Float64Array): Float64Array {
    const gamma = this.weight(`${name}.weight`), cols = gamma.length;
    return affine(normalized, gamma, this.#bias(name), normalized.length / cols, cols);
  }

  /** Notes the gradients of γ and β and returns dx. */
  normBackward(
    name: string,
    dy: Float64Array,
    normalized: Float64Array,
    rstd: Float64Array,
    kind: NormKind = "layer",
  ): Float64Array {
    const gamma = this.weight(`${name}.weight`);
    const { dx, dgamma, dbeta } = layerNormBackward(
      dy,
      normalized,
      rstd,
      gamma,
      rstd.length,
      gamma.length,
      kind,
    );
    this.note(`${name}.weight`, dgamma);
    if (this.#bias(name)) this.note(`${name}.bias`, dbeta);
    return dx;
  }

  /** x·W + b, x of so many rows. */
  linear(name: string, x: Float64Array, rows: number): Float64Array {
    const weight = this.weight(`${name}.weight`), bias = this.#bias(name);
    const k = x.length / rows, n = weight.length / k;
    const product = matmulNN(x, weight, { m: rows, n, k });
    return bias ? product.map((value, i) => value + bias[i % n]) : product;
  }

  /** Notes the gradients of W and b, given what is known of the input, of so many rows, and returns dx. */
  linearBackward(name: string, dy: Float64Array, storedInput: Float64Array, m: number): Float64Array {
    const weight = this.weight(`${name}.weight`);
    const n = dy.length / m, k = weight.length / n;
    this.note(`${name}.weight`, matmulTN(storedInput, dy, { m: k, n, k: m }));
    if (this.#bias(name)) this.note(`${name}.bias`, columnSums(dy, m, n));
    return matmulNT(dy, weight, { m, n: k, k: n });
  }
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
