import type { ProgramBuilder } from "./builder.ts";
import { type Tensor, tensorBytes } from "./tensor.ts";

/** Bytes that are staged at once. */
const mostBytes = 2 ** 27;

/** Emits, in the place of a tensor of f32, the sum of what all ranks have there: the same bits on each. */
export function sumOverRanks(builder: ProgramBuilder, tensor: Tensor, most = mostBytes): void {
  const bytes = tensorBytes(tensor);
  for (let offset = 0; offset < bytes; offset += most) {
    const pieces = [{ tensor, offset, bytes: Math.min(most, bytes - offset) }];
    builder.exchange({
      name: `sum of ${tensor.name}`,
      leaves: pieces,
      arrives: pieces,
      carry: (ranks, left, arrived) => ranks.sum(left, arrived),
    });
  }
}
