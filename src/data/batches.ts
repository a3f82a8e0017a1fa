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
  /** The token that follows each input; `ignored` where none counts. */
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

/** The target that counts nowhere. */
export const ignored = -100;

/**
 * Batches of `rows` windows in all, which follow one another through `tokens` at equal distances, the first at their start and the last at
 * their end: always the same ones, for validation, whatever the size of a batch. Where they do not fill the last batch, its other rows have
 * no targets. Windows overlap only if there are fewer tokens than they hold. Throws a `UserError` if not even one window fits.
 */
export function sequentialBatches(
  tokens: TokenArray,
  { batch, sequence, rows }: BatchSize & { rows: number },
): TokenBatch[] {
  requireWindow(tokens, sequence, "The validation split");
  const lastStart = tokens.length - 1 - sequence;
  const lastRow = Math.max(1, rows - 1);
  return Array.from({ length: Math.ceil(rows / batch) }, (_, index) => {
    const own = Array.from({ length: batch }, (_, row) => Math.min(index * batch + row, lastRow));
    const cut = windows(tokens, own.map((row) => Math.floor(row * lastStart / lastRow)), sequence);
    cut.targets.fill(ignored, Math.max(0, rows - index * batch) * sequence);
    return cut;
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
