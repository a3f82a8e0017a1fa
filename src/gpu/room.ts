import type { MemoryPlan } from "../memory/plan.ts";
import { bytes, bytesLess } from "../text/format.ts";
import type { Gpu } from "./device.ts";
import { OutOfMemoryError } from "./errors.ts";

/**
 * Throws an OutOfMemoryError if a plan's buffers cannot be had: one of them exceeds the adapter's largest, or all of them what there is room for, as
 * far as anybody knows. Asked before the first is made, it spares the wait for what comes to nothing.
 */
export function refuseBeyondRoom(
  { bufferBytes, largestBufferBytes }: Pick<MemoryPlan, "bufferBytes" | "largestBufferBytes">,
  { room = Infinity, limits: { maxBufferSize } }: Pick<Gpu, "room"> & {
    limits: Pick<Gpu["limits"], "maxBufferSize">;
  },
): void {
  if (bufferBytes > room) {
    throw new OutOfMemoryError(
      `Buffers take ${bytes(bufferBytes)} by plan, and there is room for ${bytesLess(bufferBytes, room)}`,
      bufferBytes,
      room,
    );
  }
  if (largestBufferBytes > maxBufferSize) {
    throw new OutOfMemoryError(
      `A buffer takes ${bytes(largestBufferBytes)} by plan, and this adapter's largest has ${
        bytesLess(largestBufferBytes, maxBufferSize)
      }`,
      bufferBytes,
    );
  }
}
