import { UserError } from "../errors.ts";
import type { ImageBatch } from "./image_batches.ts";
import { Random } from "./random.ts";
import type { TokenArray } from "./token_files.ts";

/** The sizes of a batch: `batch` rows of `sequence` tokens. */
export interface BatchSize {
  batch: number;
  sequence: number;
}

/** One step's data: tokens, or images. */
export type Batch = TokenBatch | ImageBatch;

/** One step's text, both [batch, sequence]. */
export interface TokenBatch {
  inputs: Uint32Array<ArrayBuffer>;
  /** The token that follows each input; −100 where none counts. */
  targets: Int32Array<ArrayBuffer>;
}

/**
 * An endless supply of batches, each row a window that starts anywhere in `tokens` with equal likelihood and never crosses their end.
 * The same seed gives the same batches.
 */
export class RandomBatches {
  readonly #tokens: TokenArray;
  readonly #size: BatchSize;
  readonly #random: Random;

  /** Throws a `UserError` if not even one window fits into the tokens. */
  constructor(tokens: TokenArray, { batch, sequence, seed }: BatchSize & { seed: number }) {
    requireWindow(tokens, sequence, "The training split");
    this.#tokens = tokens;
    this.#size = { batch, sequence };
    this.#random = Random.for(seed, "batches");
  }

  next(): TokenBatch {
    const { batch, sequence } = this.#size;
    const starts = Array.from({ length: batch }, () => this.#random.below(this.#tokens.length - sequence));
    return windows(this.#tokens, starts, sequence);
  }
}

/**
 * `count` batches whose windows follow one another through `tokens` at equal distances, the first at their start and the last at their
 * end: always the same ones, for validation. Windows overlap only if there are fewer tokens than the batches hold.
 * Throws a `UserError` if not even one window fits.
 */
export function sequentialBatches(
  tokens: TokenArray,
  { batch, sequence, count }: BatchSize & { count: number },
): TokenBatch[] {
  requireWindow(tokens, sequence, "The validation split");
  const lastStart = tokens.length - 1 - sequence;
  const lastRow = Math.max(1, batch * count - 1);
  return Array.from({ length: count }, (_, index) => {
    const rows = Array.from({ length: batch }, (_, row) => index * batch + row);
    return windows(tokens, rows.map((row) => Math.floor(row * lastStart / lastRow)), sequence);
  });
}

/** Throws a `UserError` unless `tokens` hold a window of `sequence` inputs with their targets; `what` opens its sentence. */
export function requireWindow(tokens: TokenArray, sequence: number, what: string): void {
  if (tokens.length > sequence) return;
  throw new UserError(
    `${what} has ${tokens.length} tokens, fewer than the sequence length ${sequence} + 1; ` +
      "give a longer file with --data or a smaller --sequence",
  );
}

function windows(tokens: TokenArray, starts: number[], sequence: number): TokenBatch {
  const inputs = new Uint32Array(starts.length * sequence);
  const targets = new Int32Array(starts.length * sequence);
  starts.forEach((start, row) => {
    inputs.set(tokens.subarray(start, start + sequence), row * sequence);
    targets.set(tokens.subarray(start + 1, start + 1 + sequence), row * sequence);
  });
  return { inputs, targets };
}
