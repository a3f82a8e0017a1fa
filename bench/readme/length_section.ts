import { bytes, number } from "../../src/text/format.ts";
import { code } from "../report/words.ts";
import { longSequence } from "./long_sequence.ts";
import type { ProvedStep } from "./proved_step.ts";
import type { Reports } from "./reports.ts";

/** The longest sequences that trained, the largest model first. */
export function lengthSection({ sweeps, largeStep }: Reports): string | null {
  const parts = [
    largeStep && proved(largeStep),
    ...[sweeps.longLlama, sweeps.long].map((sweep) => sweep && longSequence(sweep)),
  ].filter((part) => part !== undefined && part !== null);
  return parts.length ? ["### Long sequences", ...parts].join("\n\n") : null;
}

const proved = ({ file, model, sequence, choices, bufferBytes, seconds, difference }: ProvedStep) =>
  `A whole step of ${code(model)} on one sequence of ${number(sequence)} tokens, with its update, takes ${
    number(seconds)
  } s in ${bytes(bufferBytes)} of buffers, the plan's to the byte${choices && ` (${choices})`}; its loss is ${
    difference.toExponential(1)
  } from that of an evaluation in other pieces.\n\n- [what was printed](${file})`;
