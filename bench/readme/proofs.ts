import { UserError } from "../../src/errors.ts";

/** A step that was proved, as `bench/testing/prove_large.ts steps` prints it. */
export interface ProvedStep {
  /** Path of what was printed. */
  readonly file: string;
  /** "NVIDIA H200 under Dawn" */
  readonly card: string;
  readonly model: string;
  readonly sequence: number;
  /** Left out by proofs that do not tell it. */
  readonly policy?: string;
  /** Arithmetic and states, where they are not the usual ones. */
  readonly choices: string;
  readonly bufferBytes: number;
  /** From nothing until the GPU has done all that comes before the first step. */
  readonly setUpSeconds: number;
  readonly seconds: number;
  /** From the loss that an evaluation in other pieces had. */
  readonly difference: number;
}

/** Gradients that were proved, as `bench/testing/prove_large.ts gradients` prints it. */
export interface ProvedGradients {
  readonly file: string;
  readonly card: string;
  /** Model, layers, sequences and tokens, and choices that are not the usual ones. */
  readonly shape: string;
  readonly tensors: number;
  /** The most by which a tensor's differ under `mst` from `exact`'s, relatively. */
  readonly mst: number;
  /** Under `mst8`, from those of the very values that it stored. */
  readonly mst8: number;
  /** Under `mst8` from `exact`'s: what 8 bits do. */
  readonly stored: number;
}

/** Checkpoints that went to `transformers` and back, as `bench/testing/prove_transformers.ts` prints it. */
export interface ProvedCheckpoints {
  readonly file: string;
  readonly card: string;
  readonly losses: number;
  readonly models: readonly string[];
  /** What `transformers` wrote shards in. */
  readonly formats: readonly string[];
  /** The most by which one differs from that of `transformers`, in nats. */
  readonly difference: number;
}

/** Reads the proof of a large step. Throws a UserError where a finding was wrong, or something is missing. */
export function provedStep(file: string, text: string): ProvedStep {
  const find = finder(file, text);
  const { model, sequence, policy, choices = "" } = find(
    "the model",
    /^(?<model>\S+), 1 × (?<sequence>\d+)(, policy (?<policy>[^,]+))?(, (?<choices>.+))?$/m,
  );
  const { setUp } = find("its set-up", /^right {2}set-up took (?<setUp>[\d.]+) s$/m);
  const { buffers } = find("its buffers", /^right {2}(?<buffers>\d+) bytes of buffers, \1 by plan$/m);
  const { seconds, difference } = find(
    "a step",
    /^right {2}step 1: loss \S+, (?<seconds>[\d.]+) s, .*: (?<difference>\S+) from the evaluation's$/m,
  );
  return {
    ...{ file, card: cardOf(find), model, choices, sequence: Number(sequence), bufferBytes: Number(buffers) },
    ...policy && { policy },
    ...{ setUpSeconds: Number(setUp), seconds: Number(seconds), difference: Number(difference) },
  };
}

/** Reads the proof of gradients. Throws a UserError where a finding was wrong, or something is missing. */
export function provedGradients(file: string, text: string): ProvedGradients {
  const find = finder(file, text);
  const { shape } = find("the model", /^(?<shape>\S+, .*1 × \d+.*)$/m);
  const within = "(?<tensors>\\d+) tensors, at most (?<most>\\S+)";
  const mst = find("mst's gradients", new RegExp(`^right  mst in .* against exact: ${within}`, "m"));
  const stored = find(
    "what 8 bits do",
    /^right {2}mst8 against exact, which must show: at most (?<most>\S+)$/m,
  );
  const mst8 = find("mst8's", new RegExp(`^right  mst8 against the values that it stored: ${within}`, "m"));
  return {
    file,
    card: cardOf(find),
    shape,
    tensors: Number(mst.tensors),
    mst: Number(mst.most),
    mst8: Number(mst8.most),
    stored: Number(stored.most),
  };
}

/** Reads the proof of checkpoints. Throws a UserError where a finding was wrong, or something is missing. */
export function provedCheckpoints(file: string, text: string): ProvedCheckpoints {
  const find = finder(file, text);
  find("that it is whole", /^Every loss is the same$/m);
  find("a checkpoint written here", /^right {2}.*, written here: /m);
  find("one that transformers wrote", /^right {2}.*, written by transformers in /m);
  const models = [...text.matchAll(/^right {2}([^,]+), written here: /gm)].map(([, model]) => model);
  const found = [...text.matchAll(/^right {2}.*, (\S+) from that of transformers$/gm)];
  const formats = [...text.matchAll(/, written by transformers in (\w+), /g)].map(([, format]) => format);
  const differences = found.map(([, difference]) => Number(difference));
  return {
    ...{ file, card: cardOf(find), losses: differences.length, models, difference: Math.max(...differences) },
    formats: [...new Set(formats)],
  };
}

/** "NVIDIA H200 under Dawn": what a proof begins with. */
const cardOf = (find: ReturnType<typeof finder>): string => find("the card", /^(?<card>[^,]+), /).card;

/** Finds what a proof must tell, and tells of what it does not; a proof with a wrong finding is none. */
function finder(file: string, text: string) {
  if (/^WRONG/m.test(text)) {
    throw new UserError(`${file} has a finding that is wrong: mend it and prove again`);
  }
  return (what: string, pattern: RegExp) => {
    const match = text.match(pattern);
    if (match) return match.groups ?? {};
    throw new UserError(`${file} does not tell ${what}: prove it again`);
  };
}
