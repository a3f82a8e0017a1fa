import type { ProgramBuilder } from "../gpu/builder.ts";
import type { Operand } from "../gpu/operand.ts";
import type { Category } from "../memory/category.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** How a quantizing policy rounds, and which ranges it rounds to. */
export interface QuantizerOptions {
  /** `stochastic` is unbiased; `nearest` has the smaller error. */
  readonly rounding: "stochastic" | "nearest";
  /** `running` advances an estimate with each batch, then quantizes (the paper's order); `current` uses this batch alone. */
  readonly ranges: "running" | "current";
}

/** What an operator knows of a tensor that it saves. */
export interface SavedTensor {
  /** Groups of channels, equally wide, that share a range: the heads. */
  readonly groups: number;
}

/** Counts elements outside their range: a word of GPU memory, and how many elements it stands for. */
export interface ClipCounter {
  /** The estimates of the tensor; the count is the last word. */
  readonly estimates: Tensor;
  readonly elements: number;
}

/**
 * A storage policy: how activations are kept between forward and backward. It is the only thing that knows; operators say `save` and
 * later read the operand that comes back.
 */
export interface StoragePolicy {
  readonly name: string;
  /** The category of a tensor while it is f32: `saved` where the policy keeps the very tensor, else `transient`. */
  readonly categoryOfOriginal: Category;
  /** Emits the passes that store x (N×C, f32) and returns how backward reads it. `index` tells the program's saved tensors apart. */
  store(builder: ProgramBuilder, x: Tensor, options: SavedTensor, index: number): Operand;
  /** Counters of clipped elements of everything stored so far. */
  readonly clipCounters: readonly ClipCounter[];
}

/** The saved tensors of one program. A tensor that two operators save is stored once. */
export class Savings {
  readonly #saved = new Map<Tensor, Operand>();

  constructor(readonly builder: ProgramBuilder, readonly policy: StoragePolicy) {}

  /** Describes a tensor that will be saved, so that its memory is booked where it belongs. */
  tensor(name: string, rows: number, cols: number): Tensor {
    return this.builder.tensor(name, rows, cols, { category: this.policy.categoryOfOriginal });
  }

  /** Stores x as the policy does; later calls for the same tensor return the same operand. */
  save(x: Tensor, options: SavedTensor): Operand {
    const known = this.#saved.get(x);
    if (known) return known;
    const operand = this.policy.store(this.builder, x, options, this.#saved.size);
    this.#saved.set(x, operand);
    return operand;
  }
}
