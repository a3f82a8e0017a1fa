import { basename } from "node:path";
import { UserError } from "../errors.ts";
import { readBytes } from "../io/files.ts";
import { requireWindow } from "./batches.ts";
import { holdsBrown, readBrown } from "./brown.ts";
import { sha256, short, shortDigest } from "./digest.ts";
import { locateText, namedTexts, requirePinned, titleOf } from "./named_data.ts";
import { isTokenFile, parseTokens, type TokenArray } from "./token_files.ts";

/** A text as token ids, split in two. */
export interface Corpus {
  /** A short name for tables. */
  name: string;
  /** Ids are smaller than this. */
  vocab: number;
  train: TokenArray;
  /** What follows `train` in the text, or documents of their own. */
  validation: TokenArray;
  /** The text of some ids; absent where only ids are known. */
  decode?(ids: number[]): string;
  /** Where the text is from: a path, or the command that printed it. */
  source: string;
  /** The first 12 hexadecimal digits of the SHA-256 of the source's bytes. */
  digest: string;
}

export interface CorpusOptions {
  /**
   * The name of a text, a folder of the Brown corpus, a token file if it ends in `.bin` or `.u32`, any other file as bytes; without a path, the text
   * that `deno types` prints.
   */
  path?: string;
  /** What `deno types` prints, for a process that may not run it; only without a path. */
  text?: Uint8Array<ArrayBuffer>;
  /** The share of the tokens, from the end, that is kept for validation where there are no documents. Default 0.1. */
  validationFraction?: number;
  /** Default 256 for bytes, the largest id + 1 for a token file. */
  vocab?: number;
}

/**
 * Loads a corpus. Throws a `UserError` for a file that is missing, unreadable, empty or malformed, for ids outside a given `vocab`, and for
 * a text by name that cannot be fetched or is not what it should be. Without a path it runs `deno types`, which, like fetching, needs the
 * permission to run `Deno.execPath()`.
 */
export async function loadCorpus({ path: given, ...options }: CorpusOptions = {}): Promise<Corpus> {
  const path = await locateText(given);
  if (path === undefined || !await holdsBrown(path)) return await loadTokens({ path, ...options });
  const { train, heldOut, bytes } = await readBrown(path);
  const digest = await sha256(bytes);
  if (given !== undefined && Object.hasOwn(namedTexts, given)) requirePinned(namedTexts[given], digest, path);
  return {
    name: titleOf(namedTexts, digest) ?? basename(path),
    vocab: options.vocab ?? 256,
    train,
    validation: heldOut,
    decode: decodeBytes,
    source: path,
    digest: short(digest),
  };
}

async function loadTokens(
  { path, text, validationFraction = 0.1, vocab }: CorpusOptions,
): Promise<Corpus> {
  if (!(validationFraction > 0 && validationFraction < 1)) {
    throw new UserError(`The validation fraction is ${validationFraction}; give a number between 0 and 1`);
  }
  const bytes = path === undefined ? text ?? await denoTypes() : await readBytes(path);
  const source = path ?? `deno types (Deno ${Deno.version.deno})`;
  if (bytes.length === 0) throw new UserError(`${source} is empty; give a longer file with --data`);
  const ids = path !== undefined && isTokenFile(path);
  const tokens: TokenArray = ids ? parseTokens(bytes, path) : bytes;
  const split = tokens.length - Math.floor(tokens.length * validationFraction);
  const corpus: Corpus = {
    name: path === undefined ? "deno types" : basename(path),
    vocab: vocab ?? (ids ? largest(tokens) + 1 : 256),
    train: tokens.subarray(0, split),
    validation: tokens.subarray(split),
    source,
    digest: await shortDigest(bytes),
  };
  if (!ids) corpus.decode = decodeBytes;
  checkVocabulary(corpus, corpus.vocab);
  return corpus;
}

const decodeBytes = (ids: number[]) => new TextDecoder().decode(Uint8Array.from(ids));

/**
 * Throws a `UserError` unless each split holds one window of `sequence` tokens and the one that follows; that for validation only where it
 * is looked at.
 */
export function requireLength(corpus: Corpus, sequence: number, validates = true): void {
  requireWindow(corpus.train, sequence, "The training split");
  if (validates) requireWindow(corpus.validation, sequence, "The validation split");
}

/** Throws a `UserError` that names the first id outside a model's vocabulary, and its position in the whole corpus. */
export function checkVocabulary({ train, validation, source }: Corpus, vocab: number): void {
  for (const [ids, first] of [[train, 0], [validation, train.length]] as const) {
    const index = ids.findIndex((id) => id >= vocab);
    if (index === -1) continue;
    const [id, position] = [ids[index], first + index];
    throw new UserError(
      `The token ${id} at position ${position} of ${source} is outside the vocabulary of ${vocab}; ` +
        "choose a model with a larger one or other data",
    );
  }
}

async function denoTypes(): Promise<Uint8Array<ArrayBuffer>> {
  const instead = "or give a file with --data";
  const command = new Deno.Command(Deno.execPath(), {
    args: ["types"],
    clearEnv: true, // Deno lets no child inherit LD_LIBRARY_PATH unless it may run anything
    env: { NO_COLOR: "1" },
  });
  try {
    const { success, stdout } = await command.output();
    if (success) return stdout;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new UserError(
      `The built-in text is what \`deno types\` prints; allow it with --allow-run, ${instead}`,
    );
  }
  throw new UserError(
    `\`deno types\`, which prints the built-in text, failed; see why by running it, ${instead}`,
  );
}

function largest(tokens: TokenArray): number {
  let largest = 0;
  for (const token of tokens) if (token > largest) largest = token;
  return largest;
}
