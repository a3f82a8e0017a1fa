import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { parseTokens } from "./token_files.ts";

/** A file of llm.c: its header's first words, then the ids. */
function llmc(words: number[], ids: number[] | Uint32Array): Uint8Array<ArrayBuffer> {
  const Width = ids instanceof Uint32Array ? Uint32Array : Uint16Array;
  const bytes = new Uint8Array(1024 + Width.BYTES_PER_ELEMENT * ids.length);
  new Int32Array(bytes.buffer, 0, 256).set(words);
  new Width(bytes.buffer, 1024).set(ids);
  return bytes;
}

function message(bytes: Uint8Array<ArrayBuffer>, path = "tokens.bin"): string {
  return assertThrows(() => parseTokens(bytes, path), UserError).message;
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

Deno.test("parseTokens() reads ids of 32 bits: llm.c's by their header, bare ones of a .u32", () => {
  const ids = new Uint32Array([5, 0, 128255, 2 ** 32 - 1]);
  assertEquals(parseTokens(llmc([20240801, 7, 4], ids), "tokens.bin"), ids);
  assertEquals(parseTokens(new Uint8Array(ids.buffer), "tokens.u32"), ids);
  const bare = new Uint32Array([20240801, 7]); // no header there
  assertEquals(parseTokens(new Uint8Array(bare.buffer), "tokens.u32"), bare);
});

Deno.test("parseTokens() refuses ids of 32 bits that are cut", () => {
  for (const length of [7, 9, 10]) {
    assertEquals(
      message(new Uint8Array(length), "tokens.u32"),
      `tokens.u32 has ${length} bytes, no multiple of 4: it is truncated or not 32-bit tokens; copy it again`,
    );
  }
  assertEquals(
    message(llmc([20240801, 7, 4], new Uint32Array(4)).slice(0, -2)),
    "tokens.bin is truncated or damaged: its header says 4 tokens and it has 3.5; copy it again",
  );
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
    "tokens.bin has llm.c's format for 16-bit tokens in version 2; only version 1 can be read; write the tokens in it",
  );
  assertEquals(
    message(llmc([20240801, 1, 0], [])),
    "tokens.bin has llm.c's format for 32-bit tokens in version 1; only version 7 can be read; write the tokens in it",
  );
});
