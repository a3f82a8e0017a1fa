import type { ProgramBuilder } from "../gpu/builder.ts";
import type { Operand } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Category } from "../memory/category.ts";
import type { MiniSequences, PolicyDocument, SavedKind } from "./policy_document.ts";

/** What an operator knows of a tensor that it saves. */
export interface SavedTensor {
  readonly kind: SavedKind;
  /** The block, from 0. */
  readonly layer: number;
  /** Equal groups of channels that belong to heads (channel chunks where there are no heads). */
  readonly heads: number;
  /** Tensors side by side in it: q, k and v, of a width of heads each, or the halves of SwiGLU; 1 if left out. */
  readonly parts?: number;
}

/** Counts elements outside their range: a word of GPU memory, and how many elements it stands for. */
export interface ClipCounter {
  /** The estimates of the tensor; the count is the first word of the last row. */
  readonly estimates: Tensor;
  readonly elements: number;
}

/**
 * A storage policy: how activations are kept between forward and backward. It is the only thing that knows; operators keep a tensor and
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
  /** How rows are taken through the MLP and the head in pieces. */
  readonly miniSequences: MiniSequences;
  /** The category of such a tensor while it is f32: that of what is kept where it is kept in 32 bits, else `transient`. */
  categoryOf(saved: SavedTensor): Category;
  /** Whether such a tensor is not kept but made again in backward; of a `block_input`, whether all of its block is. */
  recomputes(saved: SavedTensor): boolean;
  /**
   * Emits the passes that store x (N×C, f32) and returns how backward reads it. `key` names what is saved, the same in every program:
   * range estimates and random bits are its own. In 32 bits a tensor that is booked as saved is kept itself, the first time; else a copy
   * is. Throws if the key had other groups before.
   */
  store(builder: ProgramBuilder, x: Tensor, saved: SavedTensor, key: string): Operand;
  /** Rules of its document that have held for nothing yet that an operator asked after. */
  readonly idleRules: readonly number[];
  /** Counters of clipped elements, one for each stored tensor with range estimates. By ranges of tokens nothing is clipped. */
  readonly clipCounters: readonly ClipCounter[];
}
