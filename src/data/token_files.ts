import { UserError } from "../errors.ts";

/** Token ids as they lie in a file: bytes of a text, or 16-bit ids. */
export type TokenArray = Uint8Array | Uint16Array;

/** What opens a token file of llm.c: 256 32-bit words, the first three of them this number, the version and the count of tokens. */
const llmcHeader = { words: 256, magic: 20240520, version: 1, wideMagic: 20240801 };

/**
 * The token ids in the bytes of a `.bin` file, a view of them. Two kinds, told apart by the first word:
 * nanoGPT's (`data/…/prepare.py`), bare 16-bit ids, and llm.c's (`dev/data/data_common.py`), with a header before them.
 * Throws a `UserError` that names `source` for a truncated file or another version.
 */
export function parseTokens(bytes: Uint8Array<ArrayBuffer>, source: string): Uint16Array<ArrayBuffer> {
  const headerBytes = 4 * llmcHeader.words;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length >= 4 ? words.getInt32(0, true) : undefined;
  if (magic === llmcHeader.wideMagic) {
    throw new UserError(
      `${source} holds llm.c's 32-bit tokens; only 16-bit tokens can be read; write them so`,
    );
  }
  if (magic !== llmcHeader.magic) {
    if (bytes.length % 2 === 1) {
      throw new UserError(
        `${source} has ${bytes.length} bytes, an odd number: it is truncated or not 16-bit tokens; copy it again`,
      );
    }
    return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  }
  if (bytes.length < headerBytes) {
    throw new UserError(
      `${source} is truncated: it has ${bytes.length} bytes of llm.c's header of ${headerBytes}; copy it again`,
    );
  }
  const version = words.getInt32(4, true);
  if (version !== llmcHeader.version) {
    throw new UserError(
      `${source} has llm.c's format in version ${version}; only version ${llmcHeader.version} can be read; write the tokens in it`,
    );
  }
  const count = words.getInt32(8, true);
  const present = (bytes.length - headerBytes) / 2;
  if (present !== count) {
    throw new UserError(
      `${source} is truncated or damaged: its header says ${count} tokens and it has ${present}; copy it again`,
    );
  }
  return new Uint16Array(bytes.buffer, bytes.byteOffset + headerBytes, count);
}
