import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { parseTokens } from "./token_files.ts";

/** A file of llm.c: its header's first words, then the ids. */
function llmc(words: number[], ids: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1024 + 2 * ids.length);
  new Int32Array(bytes.buffer, 0, 256).set(words);
  new Uint16Array(bytes.buffer, 1024).set(ids);
  return bytes;
}

function message(bytes: Uint8Array<ArrayBuffer>): string {
  return assertThrows(() => parseTokens(bytes, "tokens.bin"), UserError).message;
}

Deno.test("parseTokens() reads nanoGPT's bare 16-bit ids", () => {
  const ids = new Uint16Array([0, 50256, 65535]);
  assertEquals(parseTokens(new Uint8Array(ids.buffer), "tokens.bin"), ids);
  assertEquals(parseTokens(new Uint8Array([1, 2]), "tokens.bin"), new Uint16Array([0x0201]));
});

Deno.test("parseTokens() reads llm.c's ids behind their header", () => {
  assertEquals(
    parseTokens(llmc([20240520, 1, 3], [5, 0, 50256]), "tokens.bin"),
    new Uint16Array([5, 0, 50256]),
  );
  assertEquals(parseTokens(llmc([20240520, 1, 0], []), "tokens.bin"), new Uint16Array());
});

Deno.test("parseTokens() refuses an odd number of bytes", () => {
  assertEquals(
    message(new Uint8Array(7)),
    "tokens.bin has 7 bytes, an odd number: it is truncated or not 16-bit tokens; copy it again",
  );
});

Deno.test("parseTokens() refuses a truncated file of llm.c", () => {
  assertEquals(
    message(llmc([20240520, 1, 0], []).slice(0, 100)),
    "tokens.bin is truncated: it has 100 bytes of llm.c's header of 1024; copy it again",
  );
  for (const [count, present] of [[4, 3], [2, 3], [-1, 3]]) {
    assertEquals(
      message(llmc([20240520, 1, count], [5, 6, 7])),
      `tokens.bin is truncated or damaged: its header says ${count} tokens and it has ${present}; copy it again`,
    );
  }
});

Deno.test("parseTokens() refuses other kinds of llm.c's format", () => {
  assertEquals(
    message(llmc([20240520, 2, 0], [])),
    "tokens.bin has llm.c's format in version 2; only version 1 can be read; write the tokens in it",
  );
  assertEquals(
    message(llmc([20240801, 7, 0], [])),
    "tokens.bin holds llm.c's 32-bit tokens; only 16-bit tokens can be read; write them so",
  );
});
