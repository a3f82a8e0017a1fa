import type { Store, Tensor } from "./tensor.ts";

/** Operands that are scaled under one name at most: a product has two, attention's backward four and two that it makes itself. */
export const mostOperands = 6;

/**
 * By what the operands of products are multiplied on their way into halves: powers of two, from the largest number of each that the last
 * step saw. They outlive a program, and programs that share them share what was seen; each product has its own under a name that it has in all programs.
 */
export class OperandScales {
  readonly #seen = new Map<string, Tensor>();

  /** Which of three places the present step writes to; the one before it holds what the last step saw, the one after is cleared. */
  readonly turn: Tensor = words("turn of the operands' scales", 1);

  /** What was seen of a product's operands: of three steps, of each operand, the largest absolute value and how many were clipped. */
  of(product: string): Tensor {
    let seen = this.#seen.get(product);
    if (!seen) this.#seen.set(product, seen = words(`${product}: operands seen`, 3 * mostOperands * 2));
    return seen;
  }

  /** What was seen of all products. */
  get all(): Tensor[] {
    return [...this.#seen.values()];
  }
}

function words(name: string, cols: number): Tensor {
  const store: Store = { name, category: "control", bytes: 4 * cols };
  const shape = { rows: 1, cols, stride: cols };
  return { name, dtype: "u32", ...shape, category: "control", home: { store, offset: 0 } };
}
