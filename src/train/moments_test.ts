import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { gpt2Presets } from "../models/gpt2/config.ts";
import { planTraining } from "./plan_testing.ts";
import { lossesOf, periodicBatches, someBatches, someImages, vitOptions, withSession } from "./testing.ts";

/** Bytes of a moment of so many numbers, and of their scales where blocks have any. */
const bytesOf = { bf16: 2, "8bit": 1 + 4 / 256 };

for (const moments of ["bf16", "8bit"] as const) {
  gpuTest(
    `A session with moments in ${moments} trains as one in f32 nearly does, and repeats itself`,
    async () => {
      const batches = Array.from({ length: 40 }, ((source) => () => source.next())(periodicBatches()));
      const [exact, own] = [await lossesOf({}, batches), await lossesOf({ moments }, batches)];
      assertEquals(own[0], exact[0]);
      assertNotEquals(own, exact);
      // From 2.8 nats to below half a nat: nowhere does it learn much slower.
      own.forEach((loss, i) => assertAlmostEquals(loss, exact[i], 0.1, `step ${i + 1}`));
      assert(own.at(-1)! < 0.5, `${own.at(-1)}`);
      assertEquals(await lossesOf({ moments }, batches), own);
    },
  );

  gpuTest(`Moments in ${moments} go with policies, micro-batches and images`, async () => {
    const steps = [someBatches(2, 1), someBatches(2, 2), someBatches(2, 3)];
    for (const policy of ["mesa8", "mst8"]) {
      const [exact, own] = await Promise.all(
        ["f32" as const, moments].map((moments) =>
          withSession({ policy, moments, accumulate: 2 }, async (session) => {
            for (const batches of steps) session.step(batches);
            return await session.losses();
          })
        ),
      );
      own.forEach((loss, i) => assertAlmostEquals(loss, exact[i], 0.05, `${policy} ${i}`));
    }
    const images = someImages(4);
    const [exact, own] = [
      await lossesOf(vitOptions, images),
      await lossesOf({ ...vitOptions, moments }, images),
    ];
    own.forEach((loss, i) => assertAlmostEquals(loss, exact[i], 0.05, `images ${i}`));
  });

  gpuTest(`A session with moments in ${moments} makes the buffers of its plan`, async () => {
    const gpu = await testGpu();
    const before = gpu.ledger.liveBytes;
    await withSession({ moments }, (session) => {
      assertEquals(gpu.ledger.liveBytes - before, session.plan.bufferBytes);
      return Promise.resolve();
    });
  });

  Deno.test(`Moments in ${moments} take ${bytesOf[moments]} bytes each, and nothing else changes`, () => {
    const options = { model: gpt2Presets.small, sequence: 64, batch: 1, policy: "mesa8", seed: 0 };
    const [exact, own] = [planTraining(options), planTraining({ ...options, moments })];
    const { optimizer: all, parameters, gradients, ...rest } = own.liveAtPeak;
    assertEquals(all, 2 * bytesOf[moments] * parameters / 4);
    assertEquals(gradients, parameters);
    // Parameters begin at whole blocks: of 148 each wastes less than one.
    assert(parameters - exact.liveAtPeak.parameters < 148 * 1024);
    const { optimizer: _o, parameters: _p, gradients: _g, ...others } = exact.liveAtPeak;
    assertEquals(rest, others);
  });
}
