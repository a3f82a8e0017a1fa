/** The device refused memory, or can bind no such piece of it: a cell of a sweep reports this as `oom`, with the bytes it wanted, and those that there is room for where that is known. */
export class OutOfMemoryError extends Error {
  override name = "OutOfMemoryError";
  constructor(message: string, readonly bytesWanted: number, readonly room?: number) {
    super(message);
  }
}

/** The device reported an error outside any scope, or was lost. Nothing that it computed since can be trusted. */
export class DeviceError extends Error {
  override name = "DeviceError";
}

/** Runs `work` inside error scopes. Throws OutOfMemoryError (for `bytesWanted` bytes) or DeviceError if the device reports one. */
export async function inErrorScopes<T>(
  device: GPUDevice,
  bytesWanted: number,
  work: () => T | Promise<T>,
): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const settled = await Promise.allSettled([(async () => await work())()]);
  const validation = await device.popErrorScope();
  const memory = await device.popErrorScope();
  const [result] = settled;
  if (result.status === "rejected") throw result.reason;
  if (memory) throw new OutOfMemoryError(memory.message, bytesWanted);
  if (validation) throw new DeviceError(validation.message);
  return result.value;
}
