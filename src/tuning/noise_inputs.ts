import { noise } from "../data/noise.ts";
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
