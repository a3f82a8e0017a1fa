import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { holdsBrown, readBrown, splitDocuments, withoutTags } from "./brown.ts";
import { brownFiles, folderWith } from "./testing.ts";

const root = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (of: Uint8Array) => new TextDecoder().decode(of);

/** The documents of a text that `brownFiles` wrote. */
const documents = (of: Uint8Array): string[] => text(of).match(/document-c\w\d\d/g) ?? [];

Deno.test("withoutTags() keeps words, sentences and paragraphs, and of a word with slashes all but the last part", () => {
  const tagged =
    "\n\n\tThe/at jury/nn said/vbd ``/`` no/at ''/'' ./.\nIt/pps 's/bez 1/2/cd and/or/cc\n\n\n\n\tNew/jj ./.\n\n";
  assertEquals(withoutTags(bytes(tagged), "ca01"), "The jury said `` no '' .\nIt 's 1/2 and/or\n\nNew .\n");
});

Deno.test("withoutTags() refuses a word that has no tag", () => {
  for (const word of ["jury", "/nn"]) {
    assertEquals(
      assertThrows(() => withoutTags(bytes(`The/at ${word} said/vbd`), "ca01"), UserError).message,
      `ca01 holds "${word}", a word without a tag: it is damaged; copy it again`,
    );
  }
});

Deno.test("readBrown() holds out every tenth document whole: none stands on both sides, and none is lost", async () => {
  const files = brownFiles(120);
  const folder = await folderWith(`${root}/brown`, {
    ...files,
    README: "no document",
    "cats.txt": "ca01 news",
  });
  const { train, heldOut } = await readBrown(folder);
  const [seen, held] = [documents(train), documents(heldOut)];
  assertEquals([seen.length, held.length], [108, 12]);
  assertEquals(held.slice(0, 2).concat(held.slice(-1)), ["document-ca10", "document-ca20", "document-cc20"]);
  assert(held.every((document) => !seen.includes(document)));
  assertEquals([...seen, ...held].sort(), Object.keys(files).map((name) => `document-${name}`).sort());
});

Deno.test("readBrown() leaves no tag, parts documents by a page break, and gives all bytes that it read", async () => {
  const files = brownFiles(10);
  const { train, heldOut, bytes: all } = await readBrown(await folderWith(`${root}/ten`, files));
  assertEquals(text(heldOut), "first document-ca10 .\n\nsecond and/or `` .\n");
  assertEquals(text(train).split("\f").length, 9);
  assertEquals(text(all), Object.values(files).join(""));
});

Deno.test("splitDocuments() gives the same halves whatever the texts, by place alone", () => {
  const names = Array.from({ length: 25 }, (_, i) => ({ name: `${i}`, text: "" }));
  const { train, heldOut } = splitDocuments(names);
  assertEquals([train.length, heldOut.map(({ name }) => name)], [23, ["9", "19"]]);
});

Deno.test("readBrown() refuses too few documents to hold one out", async () => {
  const folder = await folderWith(`${root}/few`, brownFiles(9));
  assertEquals(
    (await assertRejects(() => readBrown(folder), UserError)).message,
    `${folder} holds 9 documents of the Brown corpus, and every tenth is held out; give all of them`,
  );
});

Deno.test("holdsBrown() knows a folder by one document, and takes nothing else for one", async () => {
  assertEquals(await holdsBrown(await folderWith(`${root}/one`, { ca01: "" })), true);
  assertEquals(
    await holdsBrown(await folderWith(`${root}/no`, { README: "", "ca01.txt": "", cz01: "" })),
    false,
  );
  assertEquals(await holdsBrown(`${root}/no/README`), false);
});
