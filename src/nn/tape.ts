import { materialize } from "../../kernels/shared/materialize.ts";
import type { ProgramBuilder } from "../gpu/builder.ts";
import { type Operand, plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { SavedTensor, Savings } from "../storage/policy.ts";
import type { Parameter } from "./parameters.ts";

/** A tensor between two operators: `exact` is what forward reads, `kept` what backward can read in its place, if anything saved gives it. */
export interface Activation {
  readonly exact: Operand;
  readonly kept?: Operand;
}

/** Where an operator stands: its block, from 0, and the groups of channels that are its heads. */
export type Place = Pick<SavedTensor, "layer" | "heads">;

/**
 * What operators write to. Forward emits its dispatches at once and returns a function that emits backward; the model calls those
 * functions in reverse. Without `savings` nothing is saved and there is no backward.
 */
export class Tape {
  readonly #written = new Set<Parameter>();

  /** `accumulate` adds to the gradients that are there, for gradient accumulation; else the first write replaces them. */
  constructor(
    readonly builder: ProgramBuilder,
    readonly savings: Savings | undefined,
    readonly accumulate: boolean = false,
  ) {}

  /** A tensor that lives between two operators of one pass. */
  transient(name: string, rows: number, cols: number): Tensor {
    return this.builder.tensor(name, rows, cols, { category: "transient" });
  }

  /** A tensor that will be saved. */
  saved(name: string, rows: number, cols: number, saved: SavedTensor): Tensor {
    return this.savings?.tensor(name, rows, cols, saved) ?? this.transient(name, rows, cols);
  }

  /** Stores x as the policy does and returns how backward reads it. */
  save(x: Tensor, saved: SavedTensor): Operand {
    return this.savings?.save(x, saved) ?? plain(x);
  }

  /**
   * An operator's input, with what backward will read: what is saved already, or, where the policy has every operator store its own
   * input, x written out and stored.
   */
  input(name: string, x: Activation, saved: SavedTensor): Required<Activation> {
    const { savings } = this;
    if (!savings) return { exact: x.exact, kept: x.exact };
    if (x.kept && savings.policy.reuse) return { exact: x.exact, kept: x.kept };
    const { cost, tensor } = x.exact;
    if (cost === "none") return { exact: x.exact, kept: savings.save(tensor, saved) };
    const written = savings.tensor(name, tensor.rows, tensor.cols, saved);
    materialize(this.builder, x.exact, written);
    return { exact: plain(written), kept: savings.save(written, saved) };
  }

  /** A number a row (or a row and head) that backward needs exactly. */
  statistic(name: string, rows: number, cols: number): Tensor {
    const category = this.savings ? "saved" : "transient";
    return this.builder.tensor(name, rows, cols, { category, stride: cols });
  }

  /** Whether a gradient is to be added to what its tensor holds: asked once by each operator, when it emits the gradient. */
  adds(parameter: Parameter): boolean {
    const adds = this.accumulate || this.#written.has(parameter);
    this.#written.add(parameter);
    return adds;
  }
}
