import type { ProgramBuilder } from "../../src/gpu/builder.ts";

/** Invocations of a kernel that handles one vector each. */
export const elementThreads = 64;

/** Invocations for a row of `vectors` vectors: enough to share it, from 64 to 256. */
export function threadsFor(vectors: number): number {
  return vectors <= 128 ? 64 : vectors <= 512 ? 128 : 256;
}

/**
 * Invocations for a row of `vectors` vectors of which each keeps four in registers: enough to keep it all, from 64 to 256. Software adapters
 * pay for every load of every invocation, so there no more than the row needs, from 8 on.
 */
export function keepingThreadsFor(
  { adapterClass }: Pick<ProgramBuilder, "adapterClass">,
  vectors: number,
): number {
  const fewest = adapterClass === "gpu" ? 64 : 8;
  return Math.max(fewest, Math.min(256, 2 ** Math.ceil(Math.log2(vectors / 4))));
}
