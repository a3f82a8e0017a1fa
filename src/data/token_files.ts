import { UserError } from "../errors.ts";

/** Token ids as they lie in a file: bytes of a text, or ids of 16 or 32 bits. */
export type TokenArray = Uint8Array | Uint16Array | Uint32Array;

/** How ids are kept in a token file. */
type Width = typeof Uint16Array<ArrayBuffer> | typeof Uint32Array<ArrayBuffer>;

/** Files that begin with an id, by their endings: nanoGPT's (`data/…/prepare.py`), and the same for larger vocabularies. */
const bareWidths: Readonly<Record<string, Width>> = { ".bin": Uint16Array, ".u32": Uint32Array };

/** Whether a path is a token file's, by its ending. */
export const isTokenFile = (path: string): boolean => endingOf(path) !== undefined;

const endingOf = (path: string) => Object.keys(bareWidths).find((ending) => path.endsWith(ending));

/** What opens a token file of llm.c: 256 32-bit words, the first three of them a number for the kind, its version and the count of tokens. */
const headerBytes = 4 * 256;
const llmcKinds: Readonly<Record<number, { version: number; width: Width }>> = {
  20240520: { version: 1, width: Uint16Array },
  20240801: { version: 7, width: Uint32Array },
};

/**
 * The token ids in the bytes of a token file, a view of them. A `.bin` is llm.c's (`dev/data/data_common.py`) if it opens with such a header,
 * of 16 or 32 bits as that tells; else bare ids of 16 bits. A `.u32` is bare ids of 32 bits. Throws a `UserError` that names the file, `path`,
 * if it is truncated or of another version.
 */
export function parseTokens(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ending = endingOf(path);
  const kind = ending !== ".u32" && bytes.length >= 4 ? llmcKinds[words.getInt32(0, true)] : undefined;
  if (!kind) {
    const width = bareWidths[ending ?? ".bin"];
    const size = width.BYTES_PER_ELEMENT;
    if (bytes.length % size !== 0) {
      throw new UserError(
        `${path} has ${bytes.length} bytes, ${size === 2 ? "an odd number" : "no multiple of 4"}: ` +
          `it is truncated or not ${8 * size}-bit tokens; copy it again`,
      );
    }
    return new width(bytes.buffer, bytes.byteOffset, bytes.length / size);
  }
  if (bytes.length < headerBytes) {
    throw new UserError(
      `${path} is truncated: it has ${bytes.length} bytes of llm.c's header of ${headerBytes}; copy it again`,
    );
  }
  const { width } = kind;
  const size = width.BYTES_PER_ELEMENT;
  const version = words.getInt32(4, true);
  if (version !== kind.version) {
    throw new UserError(
      `${path} has llm.c's format for ${
        8 * size
      }-bit tokens in version ${version}; only version ${kind.version} can be read; write the tokens in it`,
    );
  }
  const count = words.getInt32(8, true);
  const present = (bytes.length - headerBytes) / size;
  if (present !== count) {
    throw new UserError(
      `${path} is truncated or damaged: its header says ${count} tokens and it has ${present}; copy it again`,
    );
  }
  return new width(bytes.buffer, bytes.byteOffset + headerBytes, count);
}
