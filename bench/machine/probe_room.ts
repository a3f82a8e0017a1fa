import { BufferSet } from "../../src/gpu/buffers.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";

/** Bytes of the first buffers that are asked for, and of the last: what is found is as exact. */
const [largest, smallest] = [2 ** 30, 2 ** 24];

/**
 * Of the memory that the system has available when a probe begins, the share that it leaves to others, since a card without memory of its own takes
 * the system's; and the share that it takes on a software adapter at most.
 */
const [left, ofSoftware] = [1 / 2, 1 / 4];

/** What the system is asked while a probe goes on. */
export interface SystemMemory {
  /** Bytes that the system could give to programs now. */
  available(): number;
}

/**
 * Bytes that a device gives in buffers: takes some, each written once so that it exists, until one is refused, then smaller ones; gives all back. On
 * a software adapter it takes no more than a quarter of what the system has available, and on any it ends where only half of that is left.
 *
 * @param told called with what has been found so far: a device may end the process instead of refusing
 */
export async function probeRoom(
  gpu: Gpu,
  system: SystemMemory,
  told: (bytes: number) => void = () => {},
): Promise<number> {
  const available = system.available();
  const least = left * available;
  const most = gpu.adapter.class === "software" ? ofSoftware * available : Infinity;
  const sets: BufferSet<"probe">[] = [];
  let found = 0;
  try {
    for (let bytes = Math.min(largest, gpu.limits.maxBufferSize); bytes >= smallest;) {
      const beyond = found + bytes > most || system.available() - bytes < least;
      if (!beyond && await take(gpu, bytes, sets)) told(found += bytes);
      else bytes = Math.floor(bytes / 8) * 4;
    }
    return found;
  } finally {
    for (const set of sets) set.destroy();
  }
}

/** Whether the device gives one more buffer. */
async function take(gpu: Gpu, bytes: number, sets: BufferSet<"probe">[]): Promise<boolean> {
  const set = new BufferSet<"probe">(gpu);
  try {
    await set.allocate([{ key: "probe", name: "probe", bytes }]);
    sets.push(set);
    const encoder = gpu.device.createCommandEncoder();
    encoder.clearBuffer(set.get("probe"));
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.device.queue.onSubmittedWorkDone();
    gpu.checkHealth();
    return true;
  } catch (error) {
    if (error instanceof OutOfMemoryError) return false;
    throw error;
  }
}
