import type { Batch } from "../data/batches.ts";
import type { Category } from "../memory/category.ts";
import type { Store, Tensor } from "../gpu/tensor.ts";
import type { Initial } from "../models/shared/initial.ts";
import type { ParameterSet, ParameterShape } from "../nn/parameters.ts";
import type { Tape } from "../nn/tape.ts";

/** Results that wait on the GPU until they are read: one number a step, in turn. */
export const ringLength = 1024;

/** A batch as the GPU takes it. */
export interface PackedBatch {
  readonly contents: readonly (readonly [Tensor, ArrayBufferView<ArrayBuffer>])[];
  /** Targets that count. */
  readonly valid: number;
}

/** What a session trains, whatever the model: parameters, the tensors that batches and results live in, and the loss. */
export interface Task {
  readonly parameters: readonly ParameterShape[];
  /** One mean loss a step. */
  readonly lossRing: Tensor;
  /** One share of right answers an evaluated batch, where answers are right or wrong. */
  readonly hitRing?: Tensor;
  initial(shape: ParameterShape): Initial;
  /** Emits forward and the mean loss, and, if the tape saves, backward into the parameters' gradients. */
  loss(tape: Tape, parameters: ParameterSet): void;
  /** Throws a UserError that names what in the batch is not the model's. */
  pack(batch: Batch): PackedBatch;
  /** How the model writes, if it does. */
  readonly generation?: Generation;
}

/** How a model continues a sequence of tokens. */
export interface Generation {
  readonly vocab: number;
  /** Where the tokens of a sequence are written. */
  readonly tokens: Tensor;
  /** Emits forward of one sequence, and the logits (1×V) of the row that the step block names. */
  logits(tape: Tape, parameters: ParameterSet, sequence: number, logits: Tensor): void;
}

/** A column of `count` words in a store of its own, shared by the programs of a session. */
export function column(name: string, count: number, category: Category): Tensor {
  const store: Store = { name, category, bytes: Math.ceil(count / 4) * 16 };
  return { name, dtype: "u32", rows: count, cols: 1, stride: 1, category, home: { store, offset: 0 } };
}

/** A ring of results. */
export const ring = (name: string) => column(name, ringLength, "control");
