import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import type { TokenBatch } from "../data/batches.ts";
import type { ImageBatch } from "../data/image_batches.ts";
import { errorOf, squaresByTensor } from "./gradient_error.ts";
import { TrainingSession } from "./session.ts";
import type { TrainOptions } from "./options.ts";
import {
  llama,
  model as tiny,
  options,
  size,
  someBatches,
  someImages,
  vitOptions,
  withSession,
} from "./testing.ts";

/** What one batch and the same in parts may differ by: in another order of sums. */
const limit = 1e-5;

/** Batches of texts as one. */
const joinedTokens = (batches: readonly TokenBatch[]): TokenBatch => ({
  inputs: Uint32Array.from(batches.flatMap(({ inputs }) => [...inputs])),
  targets: Int32Array.from(batches.flatMap(({ targets }) => [...targets])),
});

/** Batches of images as one. */
const joinedImages = (batches: readonly ImageBatch[]): ImageBatch => ({
  images: Uint8Array.from(batches.flatMap(({ images }) => [...images])),
  labels: Int32Array.from(batches.flatMap(({ labels }) => [...labels])),
});

/** Batches whose shares of masked targets differ, one of them with none that counts. */
function unequal(count: number, seed: number): TokenBatch[] {
  return someBatches(count, seed).map(({ inputs, targets }, i) => ({
    inputs,
    targets: targets.map((target, at) => at % (i + 1) === 0 && i < count - 1 ? target : -100),
  }));
}

/** Losses and norms of steps of `parts` micro-batches, and the last gradients. */
function trained<Batch extends TokenBatch | ImageBatch>(
  steps: readonly (readonly Batch[])[],
  changes: Partial<TrainOptions>,
) {
  return withSession(changes, async (session) => {
    for (const batches of steps) session.step(batches);
    return {
      losses: await session.losses(),
      norms: await session.gradientNorms(),
      gradients: await session.gradients(),
    };
  });
}

type Trained = Awaited<ReturnType<typeof trained>>;

function assertSame(own: Trained, whole: Trained, what: string): void {
  assertEquals(own.losses.length, whole.losses.length);
  own.losses.forEach((loss, i) => assertAlmostEquals(loss, whole.losses[i], limit, what));
  own.norms.forEach((norm, i) => assertAlmostEquals(norm / whole.norms[i], 1, limit, what));
  for (const [name, squares] of squaresByTensor(own.gradients, whole.gradients)) {
    const { relativeError } = errorOf(squares);
    assert(relativeError <= limit, `${what}: gradient of ${name} differs by ${relativeError}`);
  }
}

gpuTest("Micro-batches whose masks differ train as one batch of all of them", async () => {
  const steps = [1, 2].map((seed) => unequal(4, seed));
  for (const model of [tiny, llama]) {
    for (const policy of ["exact", "recompute", "mst"]) {
      const parts = await trained(steps, { model, policy, accumulate: 4 });
      const all = steps.map((step) => [joinedTokens(step)]);
      assertSame(
        parts,
        await trained(all, { model, policy, batch: 4 * size.batch }),
        `${model.name} ${policy}`,
      );
    }
  }
});

gpuTest("Micro-batches of images train as one batch of all of them", async () => {
  const images = someImages(4);
  const steps = [images.slice(0, 2), images.slice(2)];
  const parts = await trained(steps, { ...vitOptions, accumulate: 2 });
  const batch = 2 * vitOptions.batch;
  assertSame(parts, await trained(steps.map((s) => [joinedImages(s)]), { ...vitOptions, batch }), "images");
});

gpuTest(
  "Steps of micro-batches repeat themselves bit for bit, and round each by bits of its own",
  async () => {
    const steps = [1, 2].map((seed) => someBatches(2, seed));
    const changes = { policy: "mesa8", accumulate: 2 };
    const once = await trained(steps, changes);
    assertEquals(await trained(steps, changes), once);
    assertNotEquals((await trained(steps, { ...changes, seed: 2 })).losses, once.losses);
  },
);

gpuTest(
  "A session times steps of micro-batches, counts their dispatches and makes the buffers of its plan",
  async () => {
    const gpu = await testGpu();
    const before = gpu.ledger.liveBytes;
    const dispatches = await withSession({}, (session) => Promise.resolve(session.dispatchesPerStep));
    await withSession({ accumulate: 3 }, async (session) => {
      assertEquals(gpu.ledger.liveBytes - before, session.plan.bufferBytes);
      const steps = [someBatches(3, 1), someBatches(3, 2)];
      const { stepMilliseconds } = await session.timedSteps(steps);
      assertEquals(stepMilliseconds.length, 2);
      assert(stepMilliseconds.every((milliseconds) => milliseconds > 0), `${stepMilliseconds}`);
      assertEquals(await session.losses(), (await trained(steps, { accumulate: 3 })).losses);
      assert(session.dispatchesPerStep > 2.5 * dispatches && session.dispatchesPerStep < 3 * dispatches);
      assertThrows(() => session.step(steps[0].slice(1)), RangeError, "A step has 3 micro-batches, not 2");
    });
    const whole = await TrainingSession.create(gpu, { ...options, batch: 3 * size.batch });
    const wholeBytes = whole.plan.bufferBytes;
    whole.destroy();
    await withSession({ accumulate: 3 }, (session) => {
      assert(session.plan.bufferBytes < wholeBytes);
      return Promise.resolve();
    });
  },
);
