import { UserError } from "../../src/errors.ts";

/** A step that was proved, as `bench/testing/prove_large.ts steps` prints it. */
export interface ProvedStep {
  /** Path of what was printed. */
  readonly file: string;
  readonly model: string;
  readonly sequence: number;
  /** Arithmetic and states, where they are not the usual ones. */
  readonly choices: string;
  readonly bufferBytes: number;
  readonly seconds: number;
  /** From the loss that an evaluation in other pieces had. */
  readonly difference: number;
}

/** Reads such a proof. Throws a UserError where a finding was wrong, or something is missing. */
export function provedStep(file: string, text: string): ProvedStep {
  const find = (what: string, pattern: RegExp) => {
    const groups = text.match(pattern)?.groups;
    if (groups) return groups;
    throw new UserError(`${file} does not tell ${what}: prove the step again`);
  };
  if (/^WRONG/m.test(text)) {
    throw new UserError(`${file} has a finding that is wrong: mend it and prove again`);
  }
  const { model, sequence, choices = "" } = find(
    "the model",
    /^(?<model>\S+), 1 × (?<sequence>\d+)(, (?<choices>.+))?$/m,
  );
  const { buffers } = find("its buffers", /^right {2}(?<buffers>\d+) bytes of buffers, \1 by plan$/m);
  const { seconds, difference } = find(
    "a step",
    /^right {2}step 1: loss \S+, (?<seconds>[\d.]+) s, .*: (?<difference>\S+) from the evaluation's$/m,
  );
  return {
    ...{ file, model, choices, sequence: Number(sequence), bufferBytes: Number(buffers) },
    ...{ seconds: Number(seconds), difference: Number(difference) },
  };
}
