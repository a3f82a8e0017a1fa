/** What is shown of steps that are too large for a reference on the processor: a device is held to itself, by other ways to the same numbers. */

import type { TokenBatch } from "../../src/data/batches.ts";
import { Random } from "../../src/data/random.ts";
import { UserError } from "../../src/errors.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import type { Program } from "../../src/gpu/program.ts";
import { limit } from "../../src/models/shared/reference_storage.ts";
import { pieceRows } from "../../src/nn/mini_sequences.ts";
import { givenPolicy } from "./given_policy.ts";
import { createPolicy, policyDocument } from "../../src/storage/policies.ts";
import { parsePolicy, type PolicyDocument } from "../../src/storage/policy_document.ts";
import type { StoragePolicy } from "../../src/storage/policy.ts";
import { readStored } from "../../src/storage/stored_values.ts";
import { errorOf } from "../../src/train/gradient_error.ts";
import { packRows } from "../../src/train/rows.ts";
import { TrainingSession } from "../../src/train/session.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { pieceSizes } from "../sweep/piece_sizes.ts";

/** What was found, and whether it is what it must be. */
export interface Finding {
  readonly pass: boolean;
  readonly text: string;
}

type Tell = (finding: Finding) => void;
type Unstored = Omit<TrainOptions, "policy">;
type Options = Unstored & { readonly policy: PolicyDocument };

/** Rows of a piece of MLP and head. */
interface Pieces {
  readonly mlp: number;
  readonly head: number;
}

const describe = ({ mlp, head }: Pieces) => `pieces of ${mlp} rows of the MLP and ${head} of the head`;

/** A policy with MLP and head in pieces of its own. */
const inPieces = (policy: PolicyDocument, name: string, pieces: Partial<Pieces>): PolicyDocument =>
  parsePolicy({ ...policy, name, mini_sequences: { ...policy.mini_sequences, ...pieces } }, name);

/** The pieces under a policy: all rows where it takes none. */
function piecesOf({ policy, ...shape }: Options, { limits }: Gpu): Pieces {
  const tokens = shape.batch * shape.sequence;
  const { mlp, head } = pieceSizes(shape, policy, limits) ?? { mlp: tokens, head: null };
  return { mlp, head: head ?? tokens };
}

/** A batch of random tokens, each of which the next one follows. */
export function randomTokens({ model, batch, sequence, seed }: Unstored): TokenBatch {
  if (!("vocab" in model)) throw new UserError(`Model "${model.name}" reads no tokens; give one that does`);
  const random = Random.for(seed, "tokens");
  const rows = Array.from(
    { length: batch },
    () => Uint32Array.from({ length: sequence + 1 }, () => random.below(model.vocab)),
  );
  const from = (first: number) => rows.flatMap((row) => [...row.subarray(first, first + sequence)]);
  return { inputs: Uint32Array.from(from(0)), targets: Int32Array.from(from(1)) };
}

/**
 * Gradients of a batch at initial weights, tensor by tensor and on the device: under `mst` they must be `exact`'s, and under `mst8` those of the
 * values that it stored, which whole blocks compute here. As a control `mst8` must differ from `exact`. Tells each finding as it is made.
 *
 * @param pieces rows of a piece where not those of the presets
 * @throws {UserError} where not everything would be in pieces, or nothing be stored
 */
export async function checkGradients(
  gpu: Gpu,
  options: Unstored,
  tell: Tell,
  pieces: Partial<Pieces> = {},
): Promise<void> {
  const [mst, mst8] = ["mst", "mst8"].map((name) => inPieces(policyDocument(name), name, pieces));
  const sizes = piecesOf({ ...options, policy: mst }, gpu);
  if (Math.max(sizes.mlp, sizes.head) >= options.batch * options.sequence) {
    throw new UserError(`Not all goes in pieces: these are ${describe(sizes)}; give a longer sequence`);
  }
  if (options.model.layers < 2) {
    throw new UserError("The first block stores nothing; give two --layers or more");
  }
  const session = await TrainingSession.create(gpu, { ...options, policy: "exact" });
  const kept = await session.keptGradients();
  const batch = randomTokens(options);
  const under = async <T>(policy: StoragePolicy, work: (program: Program) => Promise<T>, keepAll = false) => {
    const program = await session.gradientProgram(policy, { keepAll });
    try {
      return await work(program);
    } finally {
      program.destroy();
    }
  };
  /** The errors of a policy's gradients, the largest first. */
  const errorsOf = (document: PolicyDocument, reference: Program) =>
    under(createPolicy(document), async (own) => {
      session.runGradients(reference, batch);
      kept.keep();
      session.runGradients(own, batch);
      const errors = [...await kept.squares()].map(([name, of]) => ({
        name,
        error: errorOf(of).relativeError,
      }));
      return errors.toSorted((a, b) => b.error - a.error);
    });
  const judge = (errors: Awaited<ReturnType<typeof errorsOf>>, what: string) => {
    const bad = errors.filter(({ error }) => !(error <= limit)); // a NaN is beyond, too
    const [{ name, error }] = bad.length > 0 ? bad : errors;
    const beyond = bad.length > 0 ? `, ${bad.length} of them beyond ${limit}` : "";
    tell({
      pass: bad.length === 0,
      text: `${what}: ${errors.length} tensors, at most ${error.toExponential(2)} (${name})${beyond}`,
    });
  };
  try {
    await under(createPolicy(policyDocument("exact")), async (exact) => {
      judge(await errorsOf(mst, exact), `mst in ${describe(sizes)} against exact`);
      const [{ error }] = await errorsOf(mst8, exact);
      tell({
        pass: error > limit,
        text: `mst8 against exact, which must show: at most ${error.toExponential(2)}`,
      });
    });
    const stored = await under(createPolicy(mst8), (own) => {
      session.runGradients(own, batch);
      return readStored(own);
    }, true);
    const given = givenPolicy(createPolicy(mst8));
    await under(given, async (reference) => {
      for (const [key, tensor] of given.given) {
        reference.write(tensor, packRows(Float32Array.from(stored.get(key)!.values), tensor));
      }
      judge(await errorsOf(mst8, reference), "mst8 against the values that it stored");
    });
  } finally {
    kept.destroy();
    session.destroy();
  }
}

/**
 * Whole steps on one batch: their buffers must be the plan's to the byte, and the first loss that of an evaluation of the same weights and the
 * whole batch with MLP and head in other pieces. Tells how long set-up and each step took.
 */
export async function checkSteps(gpu: Gpu, options: Options, steps: number, tell: Tell): Promise<void> {
  const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
  const started = performance.now();
  const before = gpu.ledger.liveBytes;
  const session = await TrainingSession.create(gpu, options);
  try {
    await gpu.device.queue.onSubmittedWorkDone();
    tell({ pass: true, text: `set-up took ${seconds(started)}` });
    const { plan: { bufferBytes } } = session;
    const live = gpu.ledger.liveBytes - before;
    tell({ pass: live === bufferBytes, text: `${live} bytes of buffers, ${bufferBytes} by plan` });
    const batch = randomTokens(options);
    const own = piecesOf(options, gpu);
    const half = (rows: number) => pieceRows(rows / 2);
    const policy = inPieces(options.policy, "other pieces", { mlp: half(own.mlp), head: half(own.head) });
    const evaluated = performance.now();
    const { loss: expected } = await session.evaluate([batch], createPolicy(policy));
    tell({
      pass: Number.isFinite(expected),
      text: `evaluated in ${describe(piecesOf({ ...options, policy }, gpu))}: ${expected}, ${
        seconds(evaluated)
      }`,
    });
    for (let step = 1; step <= steps; step++) {
      const begun = performance.now();
      session.step(batch);
      const [loss] = await session.losses();
      const text = `step ${step}: loss ${loss}, ${seconds(begun)}`;
      if (step > 1) {
        tell({ pass: loss < expected, text });
        continue;
      }
      const difference = Math.abs(loss - expected);
      tell({
        pass: difference <= limit,
        text: `${text}, in ${describe(own)}: ${difference.toExponential(2)} from the evaluation's`,
      });
    }
    const overflow = await session.overflowShare();
    if (overflow !== undefined) {
      tell({ pass: overflow < 1e-6, text: `${overflow.toExponential(1)} of what products read was clipped` });
    }
    tell({ pass: true, text: `at most ${gpu.ledger.peakBytes} bytes of buffers, evaluation's included` });
  } finally {
    session.destroy();
  }
}
