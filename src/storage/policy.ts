import type { ProgramBuilder } from "../gpu/builder.ts";
import type { Operand } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Category } from "../memory/category.ts";
import type { PolicyDocument, SavedKind } from "./policy_document.ts";

export type { SavedKind } from "./policy_document.ts";

/** What an operator knows of a tensor that it saves. */
export interface SavedTensor {
  readonly kind: SavedKind;
  /** The block, from 0. */
  readonly layer: number;
  /** Equal groups of channels that belong to heads (channel chunks where there are no heads). */
  readonly heads: number;
  /** Tensors side by side in it: 3 for qkv, else 1. */
  readonly parts?: number;
}

/** Counts elements outside their range: a word of GPU memory, and how many elements it stands for. */
export interface ClipCounter {
  /** The estimates of the tensor; the count is the first word of the last row. */
  readonly estimates: Tensor;
  readonly elements: number;
}

/**
 * A storage policy: how activations are kept between forward and backward. It is the only thing that knows; operators say `save` and
 * later read the operand that comes back.
 */
export interface StoragePolicy {
  readonly name: string;
  /** What this policy interprets, with all defaults filled in. */
  readonly document: PolicyDocument;
  /** Whether attention keeps its probabilities, or computes them again in backward. */
  readonly attention: "fused" | "materialised";
  /** Whether what is a function of a saved tensor is computed from it again; else every operator stores its own input. */
  readonly reuse: boolean;
  /** The category of such a tensor while it is f32: `saved` where it is kept in 32 bits, else `transient`. */
  categoryOf(saved: SavedTensor): Category;
  /**
   * Emits the passes that store x (N×C, f32) and returns how backward reads it. `index` tells apart what a program saves. In 32 bits a
   * tensor that is booked as saved is kept itself, the first time; else a copy is.
   */
  store(builder: ProgramBuilder, x: Tensor, saved: SavedTensor, index: number): Operand;
  /** Counters of clipped elements, one for each stored tensor with range estimates. By ranges of tokens nothing is clipped. */
  readonly clipCounters: readonly ClipCounter[];
}

/** The saved tensors of one program. Where the policy reuses, a tensor that two operators save is stored once. */
export class Savings {
  readonly #saved = new Map<Tensor, Operand>();
  #stored = 0;

  constructor(readonly builder: ProgramBuilder, readonly policy: StoragePolicy) {}

  /** Describes a tensor that will be saved, so that its memory is booked where it belongs. */
  tensor(name: string, rows: number, cols: number, saved: SavedTensor): Tensor {
    return this.builder.tensor(name, rows, cols, { category: this.policy.categoryOf(saved) });
  }

  /**
   * Stores x as the policy does. Later calls for the same tensor return the same operand if the policy reuses; else each stores it once
   * more, with random bits and range estimates of its own.
   */
  save(x: Tensor, saved: SavedTensor): Operand {
    const known = this.policy.reuse ? this.#saved.get(x) : undefined;
    if (known) return known;
    const index = this.#stored++;
    const operand = this.builder.within(
      { operator: "storage" },
      () => this.policy.store(this.builder, x, saved, index),
    );
    this.#saved.set(x, operand);
    return operand;
  }
}
