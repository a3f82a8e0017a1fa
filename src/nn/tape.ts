import type { Scaling } from "../../kernels/products/scales.ts";
import { materialize } from "../../kernels/shared/materialize.ts";
import type { ProgramBuilder } from "../gpu/builder.ts";
import { type Operand, plain } from "../gpu/operand.ts";
import { padded, placeOf, type Tensor } from "../gpu/tensor.ts";
import type { SavedTensor, StoragePolicy } from "../storage/policy.ts";
import type { MiniSequences } from "../storage/policy_document.ts";
import type { Parameter } from "./parameters.ts";

/** How backward reads what forward kept. Asked in backward only, so that what was not kept can be made again then. */
export type Kept = () => Operand;

/** A tensor between two layers: `exact` is what forward reads, `kept` what backward can read in its place, if anything kept gives it. */
export interface Activation {
  readonly exact: Operand;
  readonly kept?: Kept;
}

/** Where a layer writes, and whether it adds to what is there. */
export interface Sink {
  readonly tensor: Tensor;
  readonly add: boolean;
}

/** Where an operator stands: its block, from 0, and the groups of channels that are its heads. */
export type Place = Pick<SavedTensor, "layer" | "heads">;

/** What an operator says of a tensor that it keeps: `key` is its name in every program of a policy, and no other's. */
export interface Keep extends SavedTensor {
  readonly key: string;
}

/** What all tapes of a program share. */
interface Shared {
  readonly training: boolean;
  readonly policy?: StoragePolicy;
  readonly accumulate: boolean;
  readonly update?: Update;
  readonly completed?: (parameter: Parameter) => void;
  readonly keys: Set<string>;
  /** Tensors that are kept themselves, and tensors that have been overwritten since they were made. */
  readonly held: Set<Tensor>;
  readonly overwritten: Set<Tensor>;
  /** How often forward uses a parameter, and how many of these uses have given their gradient. */
  readonly uses: Map<Parameter, number>;
  readonly given: Map<Parameter, number>;
  /** Gradients that live until their update only, and those that are complete but for what still reads the weights. */
  readonly alive: Map<Parameter, Tensor>;
  readonly due: Set<Parameter>;
}

/** Emits the update of a parameter whose gradient is complete. */
export type Update = (parameter: Parameter, gradient: Tensor) => void;

/**
 * What layers write to. Forward emits its dispatches at once and returns a function that emits backward; the model calls those functions
 * in reverse. The tape knows what is kept in between: what a storage policy says, in training; nothing, in evaluation. A part of forward
 * can be emitted on `quiet()`, which keeps nothing, and once more in backward on `again()`, which keeps all of it as it is.
 */
export class Tape {
  private constructor(
    readonly builder: ProgramBuilder,
    private readonly keeps: "by policy" | "itself" | "nothing",
    private readonly shared: Shared,
    /** Whether forward's uses of parameters are new ones: what is emitted again was counted before. */
    private readonly counts: boolean,
  ) {}

  /**
   * A training step's. `accumulate` adds to the gradients that are there; else the first write replaces them. `completed` is told of each
   * parameter when its gradient is complete. With `update` it is updated in backward, as soon as no operator under way reads it any more, too.
   */
  static training(
    builder: ProgramBuilder,
    policy: StoragePolicy,
    { accumulate = false, update, completed }: Partial<Pick<Shared, "accumulate" | "update" | "completed">> =
      {},
  ): Tape {
    const shared = newShared({ training: true, policy, accumulate, update, completed });
    return new Tape(builder, "by policy", shared, true);
  }

  /** An evaluation's: there is no backward. Of the policy only its mini-sequences count. */
  static evaluation(builder: ProgramBuilder, policy?: StoragePolicy): Tape {
    return new Tape(builder, "nothing", newShared({ training: false, policy, accumulate: false }), false);
  }

  /** A tape of the same program that keeps nothing: what is emitted on it has no backward of its own. */
  quiet(): Tape {
    return new Tape(this.builder, "nothing", this.shared, this.counts);
  }

  /** A tape of the same program that keeps everything as it is, for the backward that follows at once. */
  again(): Tape {
    return new Tape(this.builder, "itself", this.shared, false);
  }

  /** Whether this is a training step, on whichever of its tapes. */
  get training(): boolean {
    return this.shared.training;
  }

  /** Whether it stores what is kept as the policy says. */
  get keepsByPolicy(): boolean {
    return this.keeps === "by policy";
  }

  /** Whether what is emitted has been made before, and its backward follows. */
  get isAgain(): boolean {
    return this.keeps === "itself";
  }

  /** The form of attention: one for all of a step, so that what is made again is what was made. */
  get attention(): "fused" | "materialised" {
    return this.training ? this.shared.policy!.attention : "fused";
  }

  /** How rows are taken through the MLP and the head in pieces, if a policy says so. */
  get miniSequences(): MiniSequences | undefined {
    return this.shared.policy?.miniSequences;
  }

  /** Whether backward makes such a tensor again (of a `block_input`: its whole block). */
  recomputes(saved: SavedTensor): boolean {
    return this.training && this.shared.policy!.recomputes(saved);
  }

  /** Whether every operator stores its own input, though something saved may give it. */
  get storesInputs(): boolean {
    return this.keepsByPolicy && !this.shared.policy!.reuse;
  }

  /**
   * How a product scales its operands, by its name, the same in every program. The next step's scales go by what forward and backward read;
   * what is made again goes by forward's, as evaluation does, and leaves them as they are.
   */
  scaling(key: string, pass: "forward" | "again" | "backward"): Scaling {
    const counts = pass === "backward" || (pass === "forward" && this.counts);
    return { key, observes: this.training && counts };
  }

  /** A tensor that lives between two operators of one pass. */
  transient(name: string, rows: number, cols: number): Tensor {
    return this.builder.tensor(name, rows, cols, { category: "transient" });
  }

  /** A tensor that will be kept as `saved`. */
  tensor(name: string, rows: number, cols: number, saved: SavedTensor): Tensor {
    const category = this.keepsByPolicy ? this.shared.policy!.categoryOf(saved) : "transient";
    return this.builder.tensor(name, rows, cols, { category });
  }

  /** A tensor of which backward needs every bit: a number a row (or a row and head), or rows that would not be worth the codes. */
  exactly(name: string, rows: number, cols: number, stride = padded(cols)): Tensor {
    const category = this.keepsByPolicy ? "saved" : "transient";
    return this.builder.tensor(name, rows, cols, { category, stride });
  }

  /** Whether such a tensor will be kept itself, so that it cannot be overwritten. */
  keepsItself(saved: SavedTensor): boolean {
    if (!this.keepsByPolicy) return this.isAgain;
    return this.shared.policy!.categoryOf(saved) !== "transient";
  }

  /**
   * Keeps x (N×C) for backward, as the policy does, and returns how backward reads it. Throws if x has been overwritten since it was made,
   * or if the program keeps two tensors under one key.
   */
  keep(x: Tensor, { key, ...saved }: Keep): Kept {
    const { policy, keys, held, overwritten } = this.shared;
    if (this.keeps === "nothing") return unkept;
    if (overwritten.has(x)) throw new Error(`${key} is kept after ${x.name} was overwritten`);
    if (this.isAgain) {
      held.add(x);
      return () => plain(x);
    }
    if (keys.has(key)) throw new Error(`Two tensors are kept as ${key}`);
    keys.add(key);
    const operand = this.builder.within(
      { operator: "storage" },
      () => policy!.store(this.builder, x, saved, key),
    );
    if (operand.tensor === x) held.add(x);
    return () => operand;
  }

  /**
   * The place of x for other numbers, as a tensor of its own; undefined where x is kept itself. From then on x counts as overwritten, and can
   * no more be kept.
   */
  takes(x: Tensor): Tensor | undefined {
    const { held, overwritten } = this.shared;
    if (held.has(x)) return undefined;
    overwritten.add(x);
    return placeOf(x);
  }

  /** A tensor that holds x and may be changed: in the place of x if that can be had, else a copy. */
  changeable(x: Activation, name: string): Tensor {
    return x.exact.cost === "none" && this.takes(x.exact.tensor) || this.copy(x, name);
  }

  /** A tensor that holds x: x itself if it is one. */
  tensorOf(x: Activation, name: string): Tensor {
    return x.exact.cost === "none" ? x.exact.tensor : this.copy(x, name);
  }

  /** A tensor of its own that holds x. */
  copy({ exact }: Activation, name: string): Tensor {
    const copy = this.transient(name, exact.tensor.rows, exact.tensor.cols);
    materialize(this.builder, exact, copy);
    return copy;
  }

  /**
   * A layer's input, with what backward will read: what is kept already, or, where the policy has every operator store its own input, x
   * written out and stored.
   */
  input(x: Activation, saved: Keep): Required<Activation> {
    if (this.keeps === "nothing") return { exact: x.exact, kept: unkept };
    if (x.kept && !this.storesInputs) return { exact: x.exact, kept: x.kept };
    const { cost, tensor } = x.exact;
    if (cost === "none") return { exact: x.exact, kept: this.keep(tensor, saved) };
    const written = this.tensor(saved.key, tensor.rows, tensor.cols, saved);
    materialize(this.builder, x.exact, written);
    return { exact: plain(written), kept: this.keep(written, saved) };
  }

  /** Declares, in forward, that the parameters' gradients will be given once more: by the layer that says so. */
  uses(...parameters: Parameter[]): void {
    if (!this.counts) return;
    const { uses } = this.shared;
    for (const p of parameters) uses.set(p, (uses.get(p) ?? 0) + 1);
  }

  /**
   * Gives gradients, in backward: `emit` writes each to its sink, or adds to it. The first of a parameter's uses replaces what is there;
   * after the last the gradient is complete. Throws if forward has declared no more uses.
   */
  gradients(parameters: readonly Parameter[], emit: (...sinks: Sink[]) => void): void {
    const { uses, given, accumulate, update, completed, due } = this.shared;
    const sinks = parameters.map((p) => {
      const before = given.get(p) ?? 0;
      if (before >= (uses.get(p) ?? 0)) throw new Error(`${p.name} has more gradients than uses`);
      return { tensor: this.#gradientOf(p), add: accumulate || before > 0 };
    });
    emit(...sinks);
    for (const p of parameters) {
      given.set(p, (given.get(p) ?? 0) + 1);
      if (!this.completed(p)) continue;
      completed?.(p);
      if (update) due.add(p);
    }
  }

  /** Where a parameter's gradient is: in its own place, or, where it lives until its update only, in memory that is planned. */
  #gradientOf(parameter: Parameter): Tensor {
    const { update, alive } = this.shared;
    if (!update) return parameter.gradient;
    const { home: _, ...planned } = parameter.gradient;
    if (!alive.has(parameter)) alive.set(parameter, planned);
    return alive.get(parameter)!;
  }

  /** Updates in backward what is due. Called where an operator's backward ends: until then it may read its weights. */
  settle(): void {
    const { update, due, alive } = this.shared;
    for (const parameter of due) update!(parameter, alive.get(parameter)!);
    due.clear();
  }

  /** Whether the last of a parameter's uses has given its gradient: from then on an optimizer may read it. */
  completed(parameter: Parameter): boolean {
    const { uses, given } = this.shared;
    return uses.has(parameter) && uses.get(parameter) === given.get(parameter);
  }
}

function newShared(
  given: Pick<Shared, "training" | "policy" | "accumulate" | "update" | "completed">,
): Shared {
  const [held, overwritten] = [new Set<Tensor>(), new Set<Tensor>()];
  const gradients = { uses: new Map(), given: new Map(), alive: new Map(), due: new Set<Parameter>() };
  return { ...given, keys: new Set(), held, overwritten, ...gradients };
}

const unkept: Kept = () => {
  throw new Error("Backward asks for what this tape did not keep");
};
