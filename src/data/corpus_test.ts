import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { checkVocabulary, type CorpusOptions, loadCorpus, requireLength } from "./corpus.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function file(
  name: string,
  content: string | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): Promise<string> {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : new Uint8Array(content.buffer);
  await Deno.writeFile(`${folder}/${name}`, bytes);
  return `${folder}/${name}`;
}

async function message(options: CorpusOptions): Promise<string> {
  return (await assertRejects(() => loadCorpus(options), UserError)).message;
}

Deno.test("loadCorpus() without a path loads the bytes that deno types prints", async () => {
  const corpus = await loadCorpus();
  assertEquals([corpus.name, corpus.vocab], ["deno types", 256]);
  assertEquals(corpus.source, `deno types (Deno ${Deno.version.deno})`);
  assertMatch(corpus.digest, /^[0-9a-f]{12}$/);
  const length = corpus.train.length + corpus.validation.length;
  assert(length > 300_000);
  assertEquals(corpus.validation.length, Math.floor(length / 10));
  assertMatch(corpus.decode!([...corpus.train]), /interface GPUDevice/);
  const again = await loadCorpus();
  assertEquals([again.digest, again.train.length], [corpus.digest, corpus.train.length]);
});

Deno.test({
  name: "loadCorpus() without a path names the permission that Deno lacks",
  permissions: { run: false },
  async fn() {
    assertEquals(
      await message({}),
      "The built-in text is what `deno types` prints; allow it with --allow-run, or give a file with --data",
    );
  },
});

Deno.test("loadCorpus() without a path says that deno types failed", async () => {
  const { execPath } = Deno;
  Deno.execPath = () => "false";
  try {
    assertEquals(
      await message({}),
      "`deno types`, which prints the built-in text, failed; see why by running it, or give a file with --data",
    );
  } finally {
    Deno.execPath = execPath;
  }
});

Deno.test("loadCorpus() takes any file as bytes and keeps its end for validation", async () => {
  const path = await file("poem.txt", "abcdefgé!");
  const { decode, ...corpus } = await loadCorpus({ path, validationFraction: 0.35 });
  assertEquals(corpus, {
    name: "poem.txt",
    vocab: 256,
    train: new TextEncoder().encode("abcdefg"),
    validation: new TextEncoder().encode("é!"),
    source: path,
    digest: "027ac6dd9101",
  });
  assertEquals(decode!([...corpus.validation]), "é!");
  assertEquals(decode!([0xc3]), "\ufffd"); // half a letter
});

Deno.test("loadCorpus() takes a .bin file as 16-bit tokens; the largest one fixes the vocabulary", async () => {
  const path = await file("tokens.bin", Uint16Array.from({ length: 20 }, (_, i) => 1000 - i));
  const corpus = await loadCorpus({ path });
  assertEquals([corpus.vocab, corpus.decode], [1001, undefined]);
  assertEquals([corpus.train.length, [...corpus.validation]], [18, [982, 981]]);
  assertEquals((await loadCorpus({ path, vocab: 50257 })).vocab, 50257);
});

Deno.test("loadCorpus() takes a .u32 file as 32-bit tokens, and says which one no vocabulary has", async () => {
  const path = await file("tokens.u32", Uint32Array.from({ length: 20 }, (_, i) => 128255 - i));
  const corpus = await loadCorpus({ path });
  assertEquals([corpus.vocab, corpus.decode], [128256, undefined]);
  assertEquals([corpus.train.length, [...corpus.validation]], [18, [128237, 128236]]);
  assertEquals(
    await message({ path, vocab: 128255 }),
    `The token 128255 at position 0 of ${path} is outside the vocabulary of 128255; ` +
      "choose a model with a larger one or other data",
  );
});

Deno.test("loadCorpus() says what is wrong with a file", async () => {
  const missing = `${folder}/missing.txt`;
  assertEquals(
    await message({ path: missing }),
    `Cannot read ${missing}: there is no such file; check the path`,
  );
  assertEquals(
    await message({ path: folder }),
    `Cannot read ${folder}: it is a folder; give the path of a file`,
  );
  for (const name of ["empty.txt", "empty.bin"]) {
    const path = await file(name, "");
    assertEquals(await message({ path }), `${path} is empty; give a longer file with --data`);
  }
  const path = await file("odd.bin", "abc");
  assertEquals(
    await message({ path }),
    `${path} has 3 bytes, an odd number: it is truncated or not 16-bit tokens; copy it again`,
  );
});

Deno.test("loadCorpus() refuses a validation fraction that leaves no split", async () => {
  for (const validationFraction of [0, 1, -0.5, NaN]) {
    assertEquals(
      await message({ validationFraction }),
      `The validation fraction is ${validationFraction}; give a number between 0 and 1`,
    );
  }
});

Deno.test("checkVocabulary() names the first id outside and its position, in either split", async () => {
  const path = await file("ids.bin", new Uint16Array([3, 9, 4, 12, 5, 6, 7, 8, 1, 15]));
  const corpus = await loadCorpus({ path });
  const end = "choose a model with a larger one or other data";
  const error = (vocab: number) => assertThrows(() => checkVocabulary(corpus, vocab), UserError).message;
  assertEquals(error(9), `The token 9 at position 1 of ${path} is outside the vocabulary of 9; ${end}`);
  assertEquals(error(13), `The token 15 at position 9 of ${path} is outside the vocabulary of 13; ${end}`);
  checkVocabulary(corpus, 16);
  assertEquals(
    await message({ path, vocab: 10 }),
    `The token 12 at position 3 of ${path} is outside the vocabulary of 10; ${end}`,
  );
});

Deno.test("requireLength() names the split that is too short", async () => {
  const corpus = await loadCorpus({ path: await file("short.txt", "x".repeat(100)) });
  requireLength(corpus, 9);
  const end = "give a longer file with --data or a smaller --sequence";
  const error = (sequence: number) => assertThrows(() => requireLength(corpus, sequence), UserError).message;
  assertEquals(
    error(10),
    `The validation split has 10 tokens, fewer than the sequence length 10 + 1; ${end}`,
  );
  requireLength(corpus, 89, false);
  assertEquals(error(90), `The training split has 90 tokens, fewer than the sequence length 90 + 1; ${end}`);
});
