import type { Gpu } from "../../src/gpu/device.ts";
import { programOutput } from "../../src/io/program_output.ts";

/**
 * The device with the bytes that buffers can take, where somebody tells: of a card NVIDIA's driver, of the emptiest of that name where there are
 * several, since nobody knows which is taken; of a software adapter the system, which would promise more, and end the program later.
 */
export async function withRoom(gpu: Gpu): Promise<Gpu> {
  const { name, class: kind } = gpu.adapter;
  const room = kind === "gpu" ? await freeOfCard(name) : machineMemory();
  return room === null ? gpu : { ...gpu, room };
}

/** Bytes that are free on the emptiest card of that name; null where NVIDIA's driver cannot be asked, or does not tell. */
export async function freeOfCard(name: string): Promise<number | null> {
  const query = ["--query-gpu=memory.free,name", "--format=csv,noheader,nounits"];
  const { text } = await programOutput("nvidia-smi", query);
  const free = (text ?? "").split("\n").flatMap((line) => {
    const [, mebibytes, of] = line.match(/^\s*(\d+), (.*?)\s*$/) ?? [];
    return of === name ? [2 ** 20 * Number(mebibytes)] : [];
  });
  return free.length > 0 ? Math.max(...free) : null;
}

/** Bytes of the machine's memory; null where the program may not ask. */
function machineMemory(): number | null {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Deno.systemMemoryInfo().total : null;
}
