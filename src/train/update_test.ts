import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import type { Batch } from "../data/batches.ts";
import { UserError } from "../errors.ts";
import { gpuWith, type ProgramDescription } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { gpt2Presets } from "../models/gpt2/config.ts";
import { modelConfig, usualSequence } from "../models/model_config.ts";
import { policyNames } from "../storage/policies.ts";
import type { TrainOptions } from "./options.ts";
import { describeStep } from "./plan_training.ts";
import { planTraining } from "./plan_testing.ts";
import { taskOf } from "./task_of.ts";
import { llama, lossesOf, someBatches, someImages, vitOptions, withSession } from "./testing.ts";

const backward = { update: "backward", clipBy: "last" } as const;

/** Losses, norms and the weights that a few steps leave. */
function trained(changes: Partial<TrainOptions>, batches: readonly Batch[]) {
  return withSession(changes, async (session) => {
    for (const batch of batches) session.step(batch);
    return {
      losses: await session.losses(),
      norms: await session.gradientNorms(),
      weights: await session.parameters(),
    };
  });
}

gpuTest(
  "Update in backward leaves the very weights that an update after the step leaves, under every policy",
  async () => {
    const batches = someBatches(4);
    for (const policy of policyNames) {
      const [after, within] = [
        await trained({ policy, clipNorm: 0 }, batches),
        await trained({ policy, clipNorm: 0, update: "backward" }, batches),
      ];
      assertEquals(within.losses, after.losses, policy);
      assertEquals(within.weights, after.weights, policy);
      within.norms.forEach((norm, i) => assertAlmostEquals(norm / after.norms[i], 1, 1e-6, policy));
    }
  },
);

gpuTest("Update in backward goes with every format of moments, and with images", async () => {
  for (const moments of ["f32", "bf16", "8bit"] as const) {
    for (
      const [changes, batches] of [
        [{}, someBatches(3)],
        [{ model: llama }, someBatches(3)],
        [vitOptions, someImages(3)],
      ] as const
    ) {
      const [after, within] = [
        await trained({ ...changes, moments, clipNorm: 0 }, batches),
        await trained({ ...changes, moments, clipNorm: 0, update: "backward" }, batches),
      ];
      assertEquals(within.losses, after.losses, moments);
      assertEquals(within.weights, after.weights, moments);
    }
  }
});

gpuTest("Clipping by the last step's norm is told the same, whenever weights are updated", async () => {
  const batches = someBatches(6);
  const clipNorm = 0.3;
  const [own, last, within] = [
    await trained({ clipNorm }, batches),
    await trained({ clipNorm, clipBy: "last" }, batches),
    await trained({ clipNorm, ...backward }, batches),
  ];
  assert(last.norms.every((norm) => norm > clipNorm), "nothing was clipped");
  assertNotEquals(last.losses.slice(2), own.losses.slice(2));
  within.losses.forEach((loss, i) => assertAlmostEquals(loss, last.losses[i], 1e-5));
  assertEquals(await lossesOf({ clipNorm, ...backward }, batches), within.losses);
  // The first step is not clipped, and neither is any where the limit is large.
  const [free, large] = [
    await trained({ clipNorm: 0 }, batches),
    await trained({ clipNorm: 1e6, ...backward }, batches),
  ];
  assertEquals(large.losses, free.losses);
});

gpuTest(
  "Update in backward makes the buffers of its plan, which hold no gradients of a whole model",
  async () => {
    const gpu = await testGpu();
    const before = gpu.ledger.liveBytes;
    await withSession(backward, async (session) => {
      assertEquals(gpu.ledger.liveBytes - before, session.plan.bufferBytes);
      session.step(someBatches(1)[0]);
      await session.losses();
      await assertRejects(() => session.gradients(), Error, "No gradient outlives its update");
    });
  },
);

gpuTest("What contradicts update in backward is refused, with the remedy", async () => {
  const refused = (changes: Partial<TrainOptions>, sentence: string) =>
    assertRejects(() => withSession(changes, () => Promise.resolve()), UserError, sentence);
  await refused({ update: "backward" }, "known yet; give --clip-by last");
  await refused({ ...backward, accumulate: 2 }, "--accumulate adds gradients up; leave one of them out");
  await refused({ clipBy: "last", clipNorm: 0 }, "--clip-by does nothing with --clip 0");
});

/** The dispatches that read a weight after its update, by name. */
function lateReads({ dispatches }: ProgramDescription): string[] {
  const updated = new Set<string>();
  return dispatches.flatMap(({ kernel, bindings }) => {
    const names = bindings.filter(({ tensor }) => tensor.category === "parameters").map(({ tensor }) =>
      tensor.name
    );
    const late = names.filter((name) => updated.has(name)).map((name) => `${kernel.label} reads ${name}`);
    if (kernel.label === "adamw") names.forEach((name) => updated.add(name));
    return late;
  });
}

Deno.test("No dispatch reads a weight, or updates it again, after its update in backward", () => {
  for (const name of ["nano", "vit-nano", "llama-nano"]) {
    const model = modelConfig(name);
    for (const policy of policyNames) {
      const options = { model, sequence: usualSequence(model), batch: 2, policy, seed: 0, ...backward };
      const step = describeStep(options, gpuWith(typicalGpuLimits));
      assertEquals(lateReads(step), [], `${name} ${policy}`);
      const updates = step.dispatches.filter(({ kernel }) => kernel.label === "adamw");
      assertEquals(updates.length, taskOf(options).parameters.length);
    }
  }
});

Deno.test("Update in backward holds of small's gradients the tied words' and one more, where memory peaks", () => {
  const options = { model: gpt2Presets.small, sequence: 1024, batch: 4, policy: "mst8", seed: 0 };
  const [after, within] = [planTraining(options), planTraining({ ...options, ...backward })];
  const { vocab, width } = gpt2Presets.small;
  const words = 4 * vocab * width;
  assert(within.liveAtPeak.gradients <= words + 4 * 4 * width ** 2 + 4096, `${within.liveAtPeak.gradients}`);
  assert(within.bufferBytes < after.bufferBytes - 0.9 * (after.liveAtPeak.gradients - words));
});
