import type { ProgramBuilder } from "../gpu/builder.ts";
import type { Operand } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Savings } from "../storage/policy.ts";
import type { Parameter } from "./parameters.ts";

/** A tensor between two operators: `exact` is what forward reads, `kept` what backward reads in its place. */
export interface Activation {
  readonly exact: Operand;
  readonly kept: Operand;
}

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
  saved(name: string, rows: number, cols: number): Tensor {
    return this.savings?.tensor(name, rows, cols) ?? this.transient(name, rows, cols);
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
