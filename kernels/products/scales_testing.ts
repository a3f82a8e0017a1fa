import { range } from "../shared/text.ts";
import { mostOperands } from "../../src/gpu/operand_scales.ts";
import { clippedOf, wordOf } from "./scales.ts";

/** What was seen of an operand. */
export interface SeenOperand {
  /** Its largest absolute value in the last step. */
  readonly largest: number;
  /** How many of its numbers all steps so far have clipped; each third of the steps is counted modulo 2³². */
  readonly clipped: number;
}

/** What was seen of each operand of a product, from the words of it and of whose turn it is. */
export function seenOf(seen: Uint32Array, turn: number): SeenOperand[] {
  const largest = new Float32Array(seen.buffer, seen.byteOffset, seen.length);
  return range(mostOperands).map((operand) => ({
    largest: largest[wordOf((turn + 2) % 3, operand)],
    clipped: clippedOf(seen, operand),
  }));
}
