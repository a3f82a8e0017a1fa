import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { planTraining } from "../../src/train/plan_testing.ts";
import { planStep } from "./planned_step.ts";

const step = {
  model: modelConfig("nano"),
  sequence: 128,
  batch: 2,
  policy: policyDocument("mesa8"),
  seed: 0,
};

Deno.test("planStep() refuses a step whose buffers exceed the budget by a byte, and tells its memory all the same", () => {
  const plan = planTraining(step);
  for (const [budget, fits] of [[undefined, true], [plan.bufferBytes, true], [plan.bufferBytes - 1, false]]) {
    const { wantedBytes, memory, refusal } = planStep(
      step,
      gpuWith(typicalGpuLimits),
      budget as number | undefined,
    );
    assertEquals([wantedBytes, memory?.liveAtPeak], [plan.bufferBytes, plan.liveAtPeak]);
    assertEquals(refusal === null, fits);
    if (refusal) assertStringIncludes(refusal, "of --memory");
  }
});

Deno.test("planStep() refuses a step of which one tensor is larger than any buffer, and tells its memory all the same", () => {
  const wide = { ...step, batch: 64 }; // so that activations, and not parameters, are the largest
  const plan = planTraining(wide);
  const refusalAt = (maxBufferSize: number) => {
    const adapter = gpuWith({ ...typicalGpuLimits, maxBufferSize });
    const { wantedBytes, memory, refusal } = planStep(wide, adapter);
    assertEquals([wantedBytes, memory?.bufferBytes], [plan.bufferBytes, plan.bufferBytes]);
    return refusal;
  };
  assertEquals(refusalAt(plan.largestBufferBytes), null);
  assertStringIncludes(refusalAt(plan.largestBufferBytes - 1)!, "this adapter's largest has 1 B less");
});

Deno.test("planStep() refuses a step of which not even 64 rows can be bound", () => {
  const limits = { ...typicalGpuLimits, maxStorageBufferBindingSize: 128 * 128 * 4 };
  const { memory, wantedBytes, refusal } = planStep(step, gpuWith(limits));
  assertEquals(memory, null);
  assert(wantedBytes > limits.maxStorageBufferBindingSize);
  assertStringIncludes(refusal!, "exceed the binding limit");
});

Deno.test("planStep() refuses at once a step of which kernels could not count the tokens", () => {
  assertThrows(
    () => planStep({ ...step, batch: 2 ** 32 }, gpuWith(typicalGpuLimits)),
    UserError,
    "A step of 4294967296 × 128 tokens exceeds the 33554432",
  );
});
