import { Random } from "./random.ts";

/** Normal numbers, the same 65 536 over and over: zeros would let a card draw less power. */
export function noise(count: number): Float32Array<ArrayBuffer> {
  const random = new Random(1);
  const block = Float32Array.from({ length: Math.min(count, 2 ** 16) }, () => random.normal());
  const all = new Float32Array(count);
  for (let at = 0; at < count; at += block.length) all.set(block.subarray(0, count - at), at);
  return all;
}
