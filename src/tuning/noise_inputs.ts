import { Random } from "../data/random.ts";
import type { Program } from "../gpu/program.ts";
import { type Tensor, tensorBytes } from "../gpu/tensor.ts";

/** Fills a program's tensors, f32 or f16, with normal numbers. */
export function writeNoise(program: Program, tensors: readonly Tensor[]): void {
  const lengthOf = (tensor: Tensor) => tensorBytes(tensor) / (tensor.dtype === "f16" ? 2 : 4);
  const numbers = noise(Math.max(...tensors.map(lengthOf)));
  for (const tensor of tensors) {
    const own = numbers.subarray(0, lengthOf(tensor));
    program.write(tensor, tensor.dtype === "f16" ? Float16Array.from(own) : own);
  }
}

/** Normal numbers, the same 65 536 over and over: zeros would let a card draw less power. */
function noise(count: number): Float32Array<ArrayBuffer> {
  const random = new Random(1);
  const block = Float32Array.from({ length: Math.min(count, 2 ** 16) }, () => random.normal());
  const all = new Float32Array(count);
  for (let at = 0; at < count; at += block.length) all.set(block.subarray(0, count - at), at);
  return all;
}
