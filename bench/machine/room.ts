import type { Gpu } from "../../src/gpu/device.ts";
import { freeOfCard } from "./card_memory.ts";

/**
 * The device with the bytes that buffers can take, where somebody tells: of a card NVIDIA's driver, of the emptiest of that name where there are
 * several, since nobody knows which is taken; of a software adapter the system, which would promise more, and end the program later.
 */
export async function withRoom(gpu: Gpu): Promise<Gpu> {
  const { name, class: kind } = gpu.adapter;
  const room = kind === "gpu" ? await freeOfCard(name) : machineMemory();
  return room === null ? gpu : { ...gpu, room };
}

/** Bytes of the machine's memory; null where the program may not ask. */
function machineMemory(): number | null {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Deno.systemMemoryInfo().total : null;
}
