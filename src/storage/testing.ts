import type { Program } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** The number of elements that the clamp changed when the tensor of these estimates was last stored. */
export async function readClipped(program: Program, estimates: Tensor): Promise<number> {
  return new Uint32Array(await program.read(estimates))[(estimates.rows - 1) * estimates.stride];
}
