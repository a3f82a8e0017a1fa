import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { gpuTest, noMatrices } from "../../kernels/testing/testing.ts";
import { operatorNames } from "../../src/train/gradient_error.ts";
import { lossesOf, someBatches, someImages, vitOptions, withSession } from "../../src/train/testing.ts";
import { GradientComparison } from "./gradient_comparison.ts";

gpuTest(
  "GradientComparison.step() trains as step() does, and tells a quantized gradient",
  async () => {
    for (
      const { options, batches } of [
        { options: { policy: "mesa8" }, batches: someBatches(3) },
        { options: { ...vitOptions, policy: "mesa8" }, batches: someImages(3) },
      ]
    ) {
      const expected = await lossesOf(options, batches);
      await withSession(options, async (session) => {
        const comparison = await GradientComparison.create(session);
        const losses: number[] = [];
        for (const [i, batch] of batches.entries()) {
          const { loss, error } = await comparison.step(batch, batches[(i + 1) % batches.length]);
          losses.push(loss);
          assert(error.noise! > 0.05 && error.noise! <= Math.SQRT2, `a noise of ${error.noise}`);
          assertEquals(Object.keys(error.operators), operatorNames);
          for (const { relativeError, cosine } of [error.overall, ...Object.values(error.operators)]) {
            assert(relativeError! > 1e-4 && relativeError! < 0.2, `an error of ${relativeError}`);
            assertAlmostEquals(cosine!, 1, relativeError! ** 2);
          }
        }
        comparison.destroy();
        assertEquals(losses, expected);
      });
    }
  },
);

gpuTest("GradientComparison.step() finds no error under exact", async () => {
  await withSession({ policy: "exact" }, async (session) => {
    const comparison = await GradientComparison.create(session);
    const [batch] = someBatches(1);
    const { error } = await comparison.step(batch, batch);
    comparison.destroy();
    assertEquals([error.overall.relativeError, error.operators["layer norm"].relativeError], [0, 0]);
    assertEquals(error.noise, 0, "of a batch and itself");
  });
});

const cannotRun = await noMatrices();

gpuTest("GradientComparison.step() holds products in halves to exact's in f32", async () => {
  const [first, second, other] = someBatches(3);
  await withSession({ policy: "exact", arithmetic: "f16" }, async (session) => {
    session.step(first); // whose largest numbers scale the next step's
    await session.losses();
    const comparison = await GradientComparison.create(session);
    const { error: { overall: { relativeError } } } = await comparison.step(second, other);
    comparison.destroy();
    assert(relativeError! > 1e-5 && relativeError! < 1e-2, `an error of ${relativeError}`);
  });
}, cannotRun);
