import { BufferSet, requestsFor } from "../../src/gpu/buffers.ts";
import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "../../src/gpu/builder.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { OperandScales } from "../../src/gpu/operand_scales.ts";
import { Program } from "../../src/gpu/program.ts";
import type { Store } from "../../src/gpu/tensor.ts";
import { writeNoise } from "../../src/tuning/noise_inputs.ts";
import type { KernelCase } from "./kernel_cases.ts";

/** A case that can be run. */
export interface CaseProgram {
  readonly program: Program;
  readonly description: ProgramDescription;
}

/** Makes a case's program and fills its inputs with normal numbers, for the length of `work`. */
export async function withCase<T>(
  gpu: Gpu,
  given: KernelCase,
  options: BuilderOptions,
  work: (made: CaseProgram) => Promise<T>,
): Promise<T> {
  const builder = new ProgramBuilder(given.name, { scales: new OperandScales(), ...options, keepAll: true });
  const filled = given.emit(builder);
  const description = builder.build();
  const stores = new BufferSet<Store>(gpu);
  await stores.allocate(requestsFor(description.stores));
  const program = await Program.create(gpu, description, stores);
  try {
    writeNoise(program, filled);
    return await work({ program, description });
  } finally {
    program.destroy();
    stores.destroy();
  }
}

/** Runs a program so many times, one right after the other, and waits for the queue. Returns the milliseconds of the wall clock. */
export async function runBackToBack({ device }: Gpu, program: Program, runs: number): Promise<number> {
  const begun = performance.now();
  for (let i = 0; i < runs; i++) program.run();
  await device.queue.onSubmittedWorkDone();
  return performance.now() - begun;
}
