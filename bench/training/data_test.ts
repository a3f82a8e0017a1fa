import {
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import type { Batch, TokenBatch } from "../../src/data/batches.ts";
import type { ImageBatch } from "../../src/data/image_batches.ts";
import { folderWith, idxFiles } from "../../src/data/testing.ts";
import { generatedImages } from "../../src/data/image_generator.ts";
import { UserError } from "../../src/errors.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { dataKey, imageData, loadData, refuseIdle, usedPaths } from "./data.ts";

const [nano, vit] = [modelConfig("nano"), modelConfig("vit-nano")];
const text = "abcdefghij".repeat(100);

/** A text's training data. */
async function textOf(content: string) {
  const path = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeTextFile(path, content);
    return await loadData(nano, { data: path });
  } finally {
    await Deno.remove(path);
  }
}

const take = <Kind extends Batch>(source: { next(): Batch }, count: number) =>
  Array.from({ length: count }, () => source.next() as Kind);

Deno.test("loadData() trains a GPT-2 on a text, the same batches for the same seed", async () => {
  const data = await textOf(text);
  const { digest, ...report } = data.report;
  assertMatch(digest, /^[0-9a-f]{12}$/);
  assertObjectMatch(report, { kind: "text", trainTokens: 900, validationTokens: 100 });
  // Ten letters, equally frequent.
  assertAlmostEquals("unigramEntropy" in report ? report.unigramEntropy : NaN, Math.log(10), 1e-12);
  assertEquals(data.fit(nano), nano);
  const batches = (seed: number) => take<TokenBatch>(data.training({ batch: 2, sequence: 8, seed }), 3);
  assertEquals(batches(1), batches(1));
  assertNotEquals(batches(1), batches(2));
  const [{ inputs, targets }] = batches(1);
  assertEquals([inputs.length, targets.length], [16, 16]);
  assertEquals([...targets].slice(0, 7), [...inputs].slice(1, 8));
});

Deno.test("textData() validates on as many batches as the split fills: at most eight, at least one", async () => {
  const data = await textOf(text);
  const count = (batch: number, sequence: number) => data.validation({ batch, sequence }).length;
  assertEquals([count(1, 10), count(2, 10), count(4, 10), count(4, 60)], [8, 5, 2, 1]);
  assertEquals(data.validation({ batch: 2, sequence: 10 }), data.validation({ batch: 2, sequence: 10 }));
});

Deno.test("textData() validates batches of any size on the windows of the reference's", async () => {
  const data = await textOf(text);
  const counted = (batch: number, reference: number) =>
    (data.validation({ batch, sequence: 10, reference }) as TokenBatch[]).flatMap(({ inputs, targets }) =>
      [...inputs].filter((_, i) => targets[i] >= 0)
    );
  assertEquals(counted(3, 2), counted(2, 2));
  assertEquals(counted(3, 2).length, 5 * 2 * 10);
});

Deno.test("textData() validates on what training never sees: the last tenth", async () => {
  const data = await textOf("abcde".repeat(180) + "vwxyz".repeat(20));
  const size = { batch: 2, sequence: 8 };
  const letters = (batches: Batch[]) =>
    new Set((batches as TokenBatch[]).flatMap(({ inputs, targets }) => [...inputs, ...targets]));
  const codes = (text: string) => new Set(new TextEncoder().encode(text));
  assertEquals(letters(data.validation(size)), codes("vwxyz"));
  assertEquals(letters(take(data.training({ ...size, seed: 1 }), 50)), codes("abcde"));
});

Deno.test("textData() refuses a ViT, a vocabulary that is too small, and a sequence longer than a split", async () => {
  const data = await textOf(text);
  const size = { batch: 1, sequence: 8 };
  data.check(nano, size);
  assertThrows(() => data.check(vit, size), UserError, 'Model "vit-nano" reads no texts');
  assertThrows(() => data.check({ ...nano, vocab: 100 } as typeof nano, size), UserError, "The token 100");
  assertThrows(
    () => data.check(nano, { batch: 1, sequence: 100 }),
    UserError,
    "The validation split has 100",
  );
  data.check(nano, { batch: 1, sequence: 100, qualitySteps: 0 });
});

Deno.test("loadData() trains a ViT on generated images, the same batches for the same seed", async () => {
  const data = await loadData(vit, {});
  assertEquals(data.corpus, undefined);
  assertObjectMatch(data.report, {
    kind: "images",
    generated: true,
    classes: 10,
    trainImages: 50_000,
    heldOutImages: 10_000,
  });
  const batches = (seed: number) => take<ImageBatch>(data.training({ batch: 3, sequence: 65, seed }), 2);
  assertEquals(batches(1), batches(1));
  assertNotEquals(batches(1), batches(2));
  for (const { images, labels } of batches(1)) {
    assertEquals([images.length, labels.length], [3 * 3 * 32 * 32, 3]);
  }
});

Deno.test("imageData() validates on 1024 held-out images, in batches that are always the same", async () => {
  const data = await loadData({ ...vit, image: 4 } as typeof vit, {});
  const count = (batch: number) => data.validation({ batch, sequence: 65 }).length;
  assertEquals([count(512), count(1000), count(256)], [2, 2, 4]);
  const validation = () => data.validation({ batch: 256, sequence: 65 });
  assertEquals(validation(), validation());
  const [{ labels }] = validation() as ImageBatch[];
  assertEquals(new Set(labels).size, 10, "a batch without some class");
});

Deno.test("imageData() validates on ten thousand images that need not be drawn, in 160 batches at most", () => {
  const set = { count: 20_000, label: (index: number) => index % 10, write: () => {} };
  const read = {
    name: "read",
    digest: "0",
    classes: 10,
    generated: false,
    train: set,
    heldOut: set,
    size: 4,
  };
  const count = (batch: number) => imageData(read).validation({ batch, sequence: 65 }).length;
  assertEquals([count(64), count(1000), count(16)], [157, 10, 160]);
  const like = (batch: number, reference: number) =>
    imageData(read).validation({ batch, sequence: 65, reference }).length;
  assertEquals([like(24, 16), like(100, 64), like(16, 16)], [106, 100, 160]);
});

Deno.test("imageData() validates on the held-out images, as they are", async () => {
  const size = 4;
  const [{ images, labels }] = (await loadData({ ...vit, image: size } as typeof vit, {}))
    .validation({ batch: 3, sequence: 65 }) as ImageBatch[];
  const heldOut = generatedImages({ size, seed: 0, split: "heldOut", count: 3 });
  const expected = new Uint8Array(3 * 3 * size * size);
  for (let i = 0; i < 3; i++) heldOut.write(i, expected, i * 3 * size * size);
  assertEquals(images, expected);
  assertEquals([...labels], [0, 1, 2].map(heldOut.label));
});

Deno.test("imageData() gives the model as many classes as the images have, and keeps those it has", async () => {
  const data = await loadData(vit, {});
  assertEquals(data.fit({ ...vit, classes: 4 } as typeof vit), vit);
  const deit = modelConfig("deit-tiny");
  assertEquals(data.fit(deit), deit);
});

Deno.test("imageData() refuses a GPT-2, and a batch larger than what is held out", async () => {
  const data = await loadData(vit, {});
  data.check(vit, { batch: 10_000, sequence: 65 });
  assertThrows(
    () => data.check(nano, { batch: 1, sequence: 8 }),
    UserError,
    'Model "nano" looks at no images',
  );
  assertThrows(
    () => data.check(vit, { batch: 10_001, sequence: 65 }),
    UserError,
    "holds out 10000 images, fewer than a batch of 10001; give a smaller --batch",
  );
});

Deno.test("loadData() reads each family's own path, and refuses one that leads nowhere", async () => {
  assertEquals((await loadData(vit, { data: "nowhere.txt" })).report.kind, "images");
  await assertRejects(() => loadData(vit, { images: "nowhere" }), UserError, "nowhere");
  await assertRejects(() => loadData(nano, { data: "nowhere.txt" }), UserError, "nowhere.txt");
});

Deno.test("baseline() tells what a bigram knows of a text, and of generated images how often classes occur", async () => {
  // Ten letters in turn: after each, one. What leans on single letters is one part in 91, a tenth of it right.
  const { rule, loss } = (await textOf(text)).baseline({ batch: 2, sequence: 8 });
  assertEquals(rule, "bigram");
  assertAlmostEquals(loss, 0, 0.02);
  const images = (await loadData(vit, {})).baseline({ batch: 64, sequence: 65 });
  assertEquals(images.rule, "classes");
  assertAlmostEquals(images.loss, Math.log(10), 0.01);
});

Deno.test("baseline() of images is of the held-out ones that validation takes", () => {
  for (const generated of [true, false]) {
    const looked = new Set<number>();
    const label = (index: number) => index % 10;
    const heldOut = {
      count: 10_100,
      label: (index: number) => (looked.add(index), label(index)),
      write() {},
    };
    const train = { count: 10, label, write() {} };
    const data = imageData({
      ...{ name: "images", digest: "0", classes: 10, generated, train, heldOut, size: 1 },
    });
    const lookedBy = (look: () => unknown) => {
      looked.clear();
      look();
      return [...looked];
    };
    for (const held of [{ batch: 16 }, { batch: 64 }, { batch: 1000 }, { batch: 24, reference: 16 }]) {
      const size = { ...held, sequence: 65 };
      assertEquals(lookedBy(() => data.baseline(size)), lookedBy(() => data.validation(size)));
    }
  }
});

Deno.test("baseline() of images in files is a linear rule's, and loadData() takes such a folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const data = await loadData(vit, { images: await folderWith(folder, idxFiles()) });
    assertObjectMatch(data.report, { classes: 5, generated: false, trainImages: 3, heldOutImages: 2 });
    assertEquals(data.baseline({ batch: 2, sequence: 65 }).rule, "linear");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("usedPaths() drops what no model learns from", () => {
  const paths = { data: "brown", images: "mnist" };
  assertEquals(usedPaths([nano, vit], paths), paths);
  assertEquals(usedPaths([nano], paths), { data: "brown", images: undefined });
  assertEquals(usedPaths([vit], paths), { data: undefined, images: "mnist" });
});

Deno.test("dataKey() is the same for models that learn from the same data", () => {
  const keys = ["nano", "xl", "vit-nano", "vit-mini", "deit-tiny"].map((name) => dataKey(modelConfig(name)));
  assertEquals(keys, ["text", "text", "images of 32", "images of 32", "images of 224"]);
});

Deno.test("refuseIdle() refuses what none of the models can use, and nothing else", () => {
  const [ofTexts, ofImages] = [{ data: "x", prompt: "y", sequences: [64] }, { images: "x" }];
  refuseIdle([nano], ofTexts);
  refuseIdle([vit], ofImages);
  refuseIdle([vit, nano], { ...ofTexts, ...ofImages });
  refuseIdle([vit], { data: undefined, images: undefined, prompt: undefined, sequences: [] });
  const refused: [() => void, string][] = [
    [() => refuseIdle([nano], ofImages), "--images is for models of images, which nano is not; leave it out"],
    [
      () => refuseIdle([vit], { data: "x" }),
      "--data is for models of texts, which vit-nano is not; leave it out",
    ],
    [() => refuseIdle([vit], { prompt: "x" }), "--prompt is for models of texts, which vit-nano is not"],
    [
      () => refuseIdle([vit, modelConfig("deit-tiny")], { sequences: [64] }),
      "--sequence is for models of sequences of any length, which vit-nano, deit-tiny are not",
    ],
  ];
  for (const [check, sentence] of refused) assertThrows(check, UserError, sentence);
});
