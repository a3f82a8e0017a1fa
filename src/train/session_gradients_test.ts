import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import type { TokenBatch } from "../data/batches.ts";
import { OutOfMemoryError } from "../gpu/errors.ts";
import { countBuffers } from "../gpu/testing.ts";
import { addSquares, errorOf, squaresByTensor } from "./gradient_error.ts";
import { policyOf } from "./options.ts";
import type { TrainingSession } from "./session.ts";
import { lossesOf, someBatches, weightsOf, withSession } from "./testing.ts";

/** A session's gradients of a batch under another policy, by a program made for them alone. */
async function gradientsUnder(session: TrainingSession, policy: string, batch: TokenBatch) {
  const program = await session.gradientProgram(policyOf({ policy }));
  try {
    session.runGradients(program, batch);
    return await session.gradients();
  } finally {
    program.destroy();
  }
}

gpuTest(
  "TrainingSession.gradientProgram() is the same where the update is told to be after the step, as it is anyway",
  async () => {
    const [batch] = someBatches(1);
    const told = (options: { update?: "step" }) =>
      withSession({ policy: "mesa8", ...options }, (session) => gradientsUnder(session, "exact", batch));
    assertEquals(await told({ update: "step" }), await told({}));
  },
);

gpuTest("TrainingSession.runGradients() makes the gradients of a step under that policy", async () => {
  const [first, second] = someBatches(2);
  const weights = await withSession({ policy: "mesa8" }, async (session) => {
    session.step(first);
    return await weightsOf(session);
  });
  const stepUnder = (policy: string) =>
    withSession({ policy }, async (session) => {
      session.step(second);
      return await session.gradients();
    }, weights);
  const expected = { exact: await stepUnder("exact"), mesa8: await stepUnder("mesa8") };
  assertNotEquals(expected.exact, expected.mesa8);
  for (const [own, other] of [["mesa8", "exact"], ["exact", "mesa8"]] as const) {
    await withSession({ policy: own }, async (session) => {
      assertEquals(await gradientsUnder(session, other, second), expected[other]);
      session.step(second);
      assertEquals(await session.gradients(), expected[own]);
      await assertRejects(() => gradientsUnder(session, other, first), Error, "Read the losses");
    }, weights);
  }
});

gpuTest("TrainingSession.runGradients() moves neither weights nor range estimates", async () => {
  const batches = someBatches(5);
  const uninterrupted = await lossesOf({ policy: "mesa8" }, batches);
  const interrupted = await withSession({ policy: "mesa8" }, async (session) => {
    const losses: number[] = [];
    for (const batch of batches) {
      // Data of which the estimates would learn another range.
      const [other] = someBatches(1, 9 + losses.length);
      for (const policy of ["exact", "mesa8"]) await gradientsUnder(session, policy, other);
      session.step(batch);
      losses.push(...await session.losses());
    }
    return losses;
  });
  assertEquals(interrupted, uninterrupted);
});

gpuTest(
  "KeptGradients.squares() compares on the device what can be read back and compared",
  async () => {
    const [batch] = someBatches(1);
    await withSession({ policy: "exact" }, async (session) => {
      const [own, reference] = await Promise.all(
        ["mesa8", "exact"].map((policy) => session.gradientProgram(policyOf({ policy }))),
      );
      const kept = await session.keptGradients();
      session.runGradients(reference, batch);
      kept.keep();
      const exact = await session.gradients();
      session.runGradients(own, batch);
      const found = await kept.squares();
      const expected = squaresByTensor(await session.gradients(), exact);
      for (const made of [own, reference, kept]) made.destroy();
      assertEquals([...found.keys()].toSorted(), [...expected.keys()].toSorted());
      for (const [name, squares] of expected) {
        for (const [quantity, value] of Object.entries(squares)) {
          const got = found.get(name)![quantity as keyof typeof squares];
          assert(Math.abs(got - value) <= 1e-5 * Math.abs(value), `${quantity} of ${name}: ${got}, ${value}`);
        }
      }
      assert(errorOf(addSquares(found.values())).relativeError > 1e-3);
    });
  },
);

gpuTest("KeptGradients.destroy() frees all that it took, and so does create() where it fails", async () => {
  const gpu = await testGpu();
  await withSession({ policy: "exact" }, async (session) => {
    const before = gpu.ledger.liveBytes;
    const counter = countBuffers(gpu);
    const { createBuffer } = gpu.device;
    const held = () => [gpu.ledger.liveBytes - before, counter.live()];
    try {
      const kept = await session.keptGradients();
      const gradients = new Set(session.parameterSet.gradients.map(({ home }) => home!.store));
      const [booked, counted] = held();
      assert(booked === counted && counted >= [...gradients].reduce((sum, { bytes }) => sum + bytes, 0));
      kept.destroy();
      assertEquals(held(), [0, 0]);
      for (const refused of ["keep gradients uniforms", "compare gradients uniforms"]) {
        gpu.device.createBuffer = (descriptor) => {
          if (descriptor.label === refused) throw new OutOfMemoryError(refused, 7);
          return createBuffer.call(gpu.device, descriptor);
        };
        await assertRejects(() => session.keptGradients(), OutOfMemoryError, refused);
        assertEquals(held(), [0, 0], refused);
      }
    } finally {
      counter.stop();
    }
  });
});
