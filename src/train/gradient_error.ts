import type { NamedTensor } from "../io/safetensors.ts";
import type { ParameterRole, ParameterShape } from "../nn/parameters.ts";

/** One gradient against another: ‖g − r‖ / ‖r‖, and the cosine of the angle between them. */
export interface GradientError {
  readonly relativeError: number;
  readonly cosine: number;
}

/** Sums of squares behind a GradientError; they add up over tensors. */
export interface Squares {
  difference: number;
  own: number;
  reference: number;
  product: number;
}

type Gradients = ReadonlyMap<string, NamedTensor>;

/** The squares of each tensor of `reference`, by name. A tensor or number that is missing counts as not-a-number. */
export function squaresByTensor(own: Gradients, reference: Gradients): Map<string, Squares> {
  return new Map([...reference].map(([name, { data }]) => [name, squares(own.get(name)?.data, data)]));
}

function squares(own: ArrayLike<number> | undefined, reference: ArrayLike<number>): Squares {
  const sums = { difference: 0, own: 0, reference: 0, product: 0 };
  for (let i = 0; i < reference.length; i++) {
    const g = own?.[i] ?? NaN;
    const r = reference[i];
    sums.difference += (g - r) ** 2;
    sums.own += g ** 2;
    sums.reference += r ** 2;
    sums.product += g * r;
  }
  return sums;
}

/** The squares that rows of sums over a tensor's parts add up to: Σ (a − b)², Σ a², Σ b² and Σ a·b each. */
export function squaresOf(rows: ArrayLike<number>): Squares {
  const sum = (which: number) => {
    let total = 0;
    for (let i = which; i < rows.length; i += 4) total += rows[i];
    return total;
  };
  return { difference: sum(0), own: sum(1), reference: sum(2), product: sum(3) };
}

/** Squares of several tensors as those of one vector. */
export function addSquares(all: Iterable<Squares>): Squares {
  const sums = { difference: 0, own: 0, reference: 0, product: 0 };
  for (const one of all) {
    for (const key of Object.keys(sums) as (keyof Squares)[]) sums[key] += one[key];
  }
  return sums;
}

/** The error that the squares stand for. */
export function errorOf({ difference, own, reference, product }: Squares): GradientError {
  return {
    relativeError: Math.sqrt(difference / reference),
    cosine: product / Math.sqrt(own * reference),
  };
}

/**
 * How far gradients of two batches at the same weights lie apart: an estimate of their standard deviation between batches, as a share of
 * their root mean square norm. 0: batches say the same, 1: they have nothing in common, √2: they are opposed.
 */
export function noiseOf({ difference, own, reference }: Squares): number {
  return Math.sqrt(difference / (own + reference));
}

/** What tables call the operators, by the role of their parameters: a head that is tied to an embedding cannot be told from it. */
const operators: Readonly<Record<ParameterRole, string>> = {
  embedding: "embedding and head",
  norm: "layer norm",
  qkv: "attention q, k, v",
  projection: "attention projection",
  widening: "mlp widening",
  narrowing: "mlp narrowing",
  head: "embedding and head",
};

/** Names of the operators whose parameters' gradients are told apart, in the order of a step. */
export const operatorNames: readonly string[] = [...new Set(Object.values(operators))];

/** The operator that a parameter belongs to. */
export function operatorOf({ role }: Pick<ParameterShape, "role">): string {
  return operators[role];
}
