import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { readCheckpoint, weightsFrom, writeCheckpoint } from "../models/checkpoint.ts";
import { referenceWeights } from "../models/shared/transformer_reference.ts";
import { everyWeight } from "../models/testing.ts";
import { vitParameters } from "../models/vit/parameters.ts";
import { vitLossAndGradients } from "../models/vit/reference.ts";
import { policyNames } from "../storage/policies.ts";
import type { TrainingSession } from "./session.ts";
import type { TrainOptions } from "./options.ts";
import { lossesOf, someBatches, someImages, vit, vitOptions, withSession } from "./testing.ts";

/** Losses in f32 are this close to the reference's. */
const limit = 1e-5;

/** Losses of a ViT that takes one step on each batch. */
const vitLosses = (changes: Partial<TrainOptions>, batches = someImages(4)) =>
  lossesOf({ ...vitOptions, ...changes }, batches);

/** The weights as models hold them. */
const weightsOf = async (session: TrainingSession) => weightsFrom(await session.parameters(), vit, "session");

gpuTest("Sixty steps on images bring a ViT's top-1 from chance to nearly 1 under every policy", async () => {
  const heldOut = someImages(24, 99);
  for (const policy of policyNames) {
    await withSession({ ...vitOptions, policy }, async (session) => {
      const before = await session.evaluate(heldOut);
      for (const batch of someImages(60)) session.step(batch);
      const losses = await session.losses();
      const after = await session.evaluate(heldOut);
      // Of 120 images of 4 classes, 30 by chance; a standard deviation is 4 %.
      assert(before.top1! < 0.5, `${policy} begins at ${before.top1}`);
      assert(after.top1! > 0.9, `${policy} ends at ${after.top1}`);
      assert(after.loss < 0.5 * before.loss, `${policy}: ${before.loss} becomes ${after.loss}`);
      assert(losses[0] > 1 && losses.every(Number.isFinite), `${policy}: ${losses}`);
    });
  }
});

gpuTest("A ViT repeats its losses bit for bit by seed", async () => {
  for (const policy of ["exact", "mesa8"]) {
    const losses = await vitLosses({ policy });
    assertEquals(losses.length, 4);
    assertEquals(await vitLosses({ policy }), losses);
    assertNotEquals(await vitLosses({ policy, seed: 2 }), losses);
  }
});

gpuTest("Label smoothing is the reference's, and changes training but not evaluation", async () => {
  const batches = someImages(2);
  await withSession({ ...vitOptions, labelSmoothing: 0.1 }, async (session) => {
    const weights = referenceWeights(await weightsOf(session));
    const lossOf = (smoothing: number) =>
      batches.map((batch) => vitLossAndGradients(weights, vit, batch, { smoothing }).loss);
    const plain = lossOf(0);
    const { loss } = await session.evaluate(batches);
    assertAlmostEquals(loss, (plain[0] + plain[1]) / 2, limit);
    session.step(batches[0]);
    const [trained] = await session.losses();
    const [smoothed] = lossOf(0.1);
    assertAlmostEquals(trained, smoothed, limit);
    assert(Math.abs(smoothed - plain[0]) > 100 * limit, "smoothing shows nothing here");
  });
});

gpuTest("A ViT that is saved gives the same losses when it is loaded, in timm's layout", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    const batches = someImages(3, 7);
    const saved = await withSession(vitOptions, async (session) => {
      for (const batch of someImages(3)) session.step(batch);
      await session.losses();
      const parameters = await session.parameters();
      assertEquals(
        new Map([...parameters].map(([name, { shape }]) => [name, shape])),
        new Map(vitParameters(vit, "all").map(({ name, shape }) => [name, [...shape]])),
      );
      await writeCheckpoint(path, parameters, vit);
      return await session.evaluate(batches);
    });
    const { model, weights } = await readCheckpoint(path);
    assertEquals({ ...model, name: vit.name }, vit);
    await withSession({ ...vitOptions, seed: 77 }, async (session) => {
      assertEquals(await session.evaluate(batches), saved);
      assertEquals(await weightsOf(session), everyWeight(weights));
    }, weights);
  } finally {
    await Deno.remove(path);
  }
});

gpuTest("A ViT reads images of numbers as bytes of the same brightness", async () => {
  const batches = someImages(2);
  const numbers = batches.map(({ images, labels }) => ({
    images: Float32Array.from(images, (byte) => byte * 2 / 255 - 1),
    labels,
  }));
  const [bytes, floats] = [await vitLosses({}, batches), await vitLosses({ pixels: "f32" }, numbers)];
  bytes.forEach((loss, i) => assertAlmostEquals(loss, floats[i], limit));
});

gpuTest("A ViT refuses tokens, a GPT-2 images, and neither takes a step", async () => {
  const [images, tokens] = [someImages(1)[0], someBatches(1)[0]];
  await withSession(vitOptions, async (session) => {
    assertThrows(() => session.step(tokens), UserError, 'Model "tiny-vit" looks at images');
    assertThrows(
      () => session.step({ ...images, labels: images.labels.with(2, 4) }),
      UserError,
      "Label 4 is outside the 4 classes",
    );
    await assertRejects(() => session.evaluate([tokens]), UserError, "looks at images");
    await assertRejects(
      () => session.generate([1], 1, { temperature: 0, seed: 1 }),
      UserError,
      'Model "tiny-vit" writes no text',
    );
    assertEquals(await session.losses(), []);
  });
  await withSession({}, async (session) => {
    assertThrows(() => session.step(images), UserError, 'Model "tiny" reads tokens; give it texts');
    assertEquals(await session.losses(), []);
  });
  await assertRejects(
    () => withSession({ ...vitOptions, sequence: 6 }, () => Promise.resolve()),
    UserError,
    'Model "tiny-vit" makes 5 tokens of an image, not 6',
  );
});

gpuTest("A ViT takes images of an odd number of bytes", async () => {
  const model = { ...vit, image: 5, patch: 5 };
  const { images, labels } = someImages(1)[0];
  const batch = { images: images.slice(0, 5 * 75) as Uint8Array<ArrayBuffer>, labels };
  await withSession({ ...vitOptions, model, sequence: 2 }, async (session) => {
    const weights = referenceWeights(weightsFrom(await session.parameters(), model, "session"));
    session.step(batch);
    const [loss] = await session.losses();
    assertAlmostEquals(loss, vitLossAndGradients(weights, model, batch).loss, limit);
  });
});
