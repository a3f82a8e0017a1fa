/** Steps of training tried on the adapter at hand: whether they find room, as only the device can tell. */

import { z } from "zod";
import type { Batch } from "../../src/data/batches.ts";
import { Random } from "../../src/data/random.ts";
import { UserError } from "../../src/errors.ts";
import { builderOptionsFor } from "../../src/gpu/builder.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { DeviceError, OutOfMemoryError } from "../../src/gpu/errors.ts";
import { refuseBeyondRoom } from "../../src/gpu/room.ts";
import { inputOf } from "../../src/models/model_config.ts";
import { modelSchema } from "../../src/models/model_document.ts";
import { policySchema } from "../../src/storage/policy_document.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { TrainingSession } from "../../src/train/session.ts";
import { count } from "../results/numbers.ts";
import { choiceFields } from "../results/results.ts";

/** Steps to try. */
export const trial = z.object({
  model: modelSchema,
  sequence: z.int().positive(),
  batch: z.int().positive(),
  policy: policySchema,
  ...choiceFields,
  seed: count,
  room: count.nullable().describe("bytes that buffers may take by plan; null: the device itself says no"),
});
export type Trial = z.infer<typeof trial>;

export const trialEnd = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("trained"),
    losses: z.array(z.number()).describe("in nats, of the steps, all on one batch"),
    bufferBytes: count.describe("of the buffers that held the tensors, as planned"),
    ledgerPeakBytes: count.describe("most bytes of all buffers that the device had at once"),
  }),
  z.object({
    status: z.literal("refused"),
    by: z.enum(["plan", "device"]).describe(
      "plan: before anything was allocated; device: by a real lack of memory",
    ),
    message: z.string(),
    wantedBytes: count.nullable(),
  }),
  z.object({ status: z.literal("failed"), message: z.string() }),
]);
export type TrialEnd = z.infer<typeof trialEnd>;

/** Of two steps the second runs on weights that the first has updated. */
const steps = 2;

/** Trains whole steps, updates included, on made-up data, or tells what stood against it. Throws nothing for want of memory. */
export async function tryStep(gpu: Gpu, { room, ...options }: Trial): Promise<TrialEnd> {
  try {
    const { plan } = describeStep(options, builderOptionsFor(gpu));
    refuseBeyondRoom(plan, { limits: gpu.limits, room: room ?? undefined });
  } catch (error) {
    if (error instanceof OutOfMemoryError) return refusedBy("plan", error, error.bytesWanted);
    if (error instanceof UserError) return refusedBy("plan", error);
    throw error;
  }
  try {
    return await train(gpu, options);
  } catch (error) {
    if (error instanceof OutOfMemoryError) return refusedBy("device", error, error.bytesWanted);
    // What a driver cannot commit it may tell late, outside the scope of any allocation.
    if (error instanceof DeviceError && /memory/i.test(error.message)) return refusedBy("device", error);
    throw error;
  }
}

const refusedBy = (
  by: "plan" | "device",
  { message }: Error,
  wantedBytes: number | null = null,
): TrialEnd => ({ status: "refused", by, message, wantedBytes });

async function train(gpu: Gpu, options: TrainOptions): Promise<TrialEnd> {
  const session = await TrainingSession.create({ ...gpu, room: undefined }, options);
  try {
    const batch = madeUpBatch(options);
    for (let step = 0; step < steps; step++) session.step(Array(options.accumulate ?? 1).fill(batch));
    const losses = await session.losses();
    gpu.checkHealth();
    const problem = problemOf(losses);
    if (problem) return { status: "failed", message: problem };
    const { bufferBytes } = session.plan;
    return { status: "trained", losses, bufferBytes, ledgerPeakBytes: gpu.ledger.peakBytes };
  } finally {
    session.destroy();
  }
}

/** What is wrong with the losses of steps on one batch, if anything. */
function problemOf(losses: readonly number[]): string | null {
  if (!losses.every(Number.isFinite)) return "A loss is no number";
  return new Set(losses).size === losses.length ? null : "The loss stays what it was: nothing was updated";
}

/** Data of the right size and meaning nothing: memory does not depend on them. */
function madeUpBatch({ model, sequence, batch, seed }: TrainOptions): Batch {
  const random = Random.for(seed, "made-up batch");
  const input = inputOf(model);
  switch (input.kind) {
    case "text": {
      const inputs = Uint32Array.from({ length: batch * sequence }, () => random.below(input.vocab));
      return { inputs, targets: Int32Array.from(inputs, (id) => (id + 1) % input.vocab) };
    }
    case "images": {
      const pixels = new Uint32Array(Math.ceil(batch * 3 * input.size ** 2 / 4)).map(() => random.uint32());
      const images = new Uint8Array(pixels.buffer, 0, batch * 3 * input.size ** 2);
      return { images, labels: Int32Array.from({ length: batch }, () => random.below(input.classes)) };
    }
  }
}
