import type { BuilderOptions, ProgramDescription } from "../gpu/builder.ts";
import type { Program } from "../gpu/program.ts";
import type { ParameterSet } from "../nn/parameters.ts";
import type { TrainOptions } from "./options.ts";
import type { SessionMemory } from "./session_memory.ts";
import type { Task } from "./task.ts";

/** A model in training, as the programs beside its step see it: what evaluates it, writes by it, compares its gradients. */
export interface InTraining {
  readonly options: TrainOptions;
  readonly task: Task;
  readonly parameterSet: ParameterSet;
  readonly builderOptions: BuilderOptions;
  readonly memory: SessionMemory;
  /** The step's program, whose pool the others borrow: none of them runs between its forward and its backward. */
  readonly step: Program;
}

/** Makes a program in the step's pool, does `work` with it, and destroys it. Throws OutOfMemoryError with the bytes wanted. */
export async function withProgram<T>(
  { memory, step }: InTraining,
  description: ProgramDescription,
  work: (program: Program) => T | Promise<T>,
): Promise<T> {
  const program = await memory.program(description, step);
  try {
    return await work(program);
  } finally {
    program.destroy();
  }
}
