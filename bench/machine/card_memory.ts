/** The memory of NVIDIA cards, as their driver tells it: nothing else asks `nvidia-smi` for it. */

import { programOutput } from "../../src/io/program_output.ts";

/** The memory of one card, in bytes; null where the driver tells no number, such as "[N/A]". */
export interface CardMemory {
  /** The driver's name for the card, which is the adapter's. */
  readonly name: string;
  readonly used: number | null;
  readonly free: number | null;
}

/** What the driver tells of every card of the machine; null where it cannot be asked, or lists none. */
export async function cardMemories(): Promise<CardMemory[] | null> {
  const query = ["--query-gpu=memory.used,memory.free,name", "--format=csv,noheader,nounits"];
  const { text } = await programOutput("nvidia-smi", query);
  const lines = text?.split("\n").map((line) => line.match(/^\s*([^,]+), ([^,]+), (.*?)\s*$/)) ?? [];
  if (lines.length === 0 || lines.includes(null)) return null;
  return lines.map((line) => {
    const [, used, free, name] = line!;
    return { name, used: ofMebibytes(used), free: ofMebibytes(free) };
  });
}

const ofMebibytes = (text: string) => /^\d+$/.test(text) ? 2 ** 20 * Number(text) : null;

/**
 * Bytes that are free on the emptiest card of that name, since nobody knows which is taken; null where the driver cannot be asked, or does not
 * tell.
 */
export async function freeOfCard(name: string): Promise<number | null> {
  const free = (await cardMemories() ?? []).flatMap((card) => card.name === name ? card.free ?? [] : []);
  return free.length > 0 ? Math.max(...free) : null;
}

/** Bytes in use on all cards of the machine; null where the driver cannot be asked, or does not tell of each. */
export async function driverBytesInUse(): Promise<number | null> {
  const used = (await cardMemories())?.map((card) => card.used) ?? [null];
  return used.reduce((sum, bytes) => sum === null || bytes === null ? null : sum + bytes, 0);
}

/** The same when it has come to rest: the memory of a process that has just ended is given back some time later. */
export async function settledDriverBytes(): Promise<number | null> {
  let before = await driverBytesInUse();
  for (let attempt = 0; before !== null && attempt < 20; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await driverBytesInUse();
    if (now === before) break;
    before = now;
  }
  return before;
}
