import type { NamedTensor } from "../io/safetensors.ts";

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

/** The operators whose parameters' gradients are told apart, and what their names contain under `transformers` and `timm`. */
const operators: Readonly<Record<string, RegExp>> = {
  "embedding and head": /\.wte\.|\.wpe\.|^patch_embed|^pos_embed|^cls_token|^head\./,
  "layer norm": /\.ln_\w+\.|\bnorm\d?\./,
  "attention q, k, v": /\.c_attn\.|\.qkv\./,
  "attention projection": /\.attn\.(c_)?proj\./,
  "mlp widening": /\.c_fc\.|\.fc1\./,
  "mlp narrowing": /\.mlp\.c_proj\.|\.fc2\./,
};

/** Names of the operators, in the order of a step. */
export const operatorNames = Object.keys(operators);

/** The operator that a parameter belongs to. Throws for a name of neither model. */
export function operatorOf(parameter: string): string {
  const found = operatorNames.find((name) => operators[name].test(parameter));
  if (!found) throw new Error(`No operator is known for the parameter ${parameter}`);
  return found;
}
