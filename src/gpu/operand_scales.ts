import type { Store, Tensor } from "./tensor.ts";

/**
 * By what the operands of products are multiplied on their way into halves: powers of two, from the largest number of each that the last
 * step saw. They outlive a program, and programs that share them share what was seen; each product has its own under a name that it has in all programs.
 */
export class OperandScales {
  readonly #seen = new Map<string, Tensor>();

  /** Which of three places the present step writes to; the one before it holds what the last step saw, the one after is cleared. */
  readonly turn: Tensor = words("turn of the operands' scales", 1);

  /** What was seen of the operands of a product: of three steps, of A and B, the largest absolute value and how many were clipped. */
  of(product: string): Tensor {
    let seen = this.#seen.get(product);
    if (!seen) this.#seen.set(product, seen = words(`${product}: operands seen`, 3 * 2 * 2));
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
