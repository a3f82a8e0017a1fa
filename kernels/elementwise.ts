/** Invocations of a kernel that handles one vector each. */
export const elementThreads = 64;

/** Invocations for a row of `vectors` vectors: enough to share it, from 64 to 256. */
export function threadsFor(vectors: number): number {
  return vectors <= 128 ? 64 : vectors <= 512 ? 128 : 256;
}

/** Invocations for a row of `vectors` vectors of which each keeps four in registers: enough to keep it all, from 64 to 256. */
export function keepingThreadsFor(vectors: number): number {
  return vectors <= 256 ? 64 : vectors <= 512 ? 128 : 256;
}
