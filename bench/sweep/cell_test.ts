import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { gpuTest, relativeError, testGpu } from "../../kernels/testing/testing.ts";
import { RandomBatches, sequentialBatches } from "../../src/data/batches.ts";
import { shortDigest } from "../../src/data/digest.ts";
import { countBuffers } from "../../src/gpu/testing.ts";
import { withPrograms } from "../testing/programs.ts";
import { gpt2Presets } from "../../src/models/gpt2/config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { TrainingSession } from "../../src/train/session.ts";
import { weightsOf } from "../../src/train/testing.ts";
import { runCell } from "./cell.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { planTraining } from "../../src/train/plan_testing.ts";
import type { CellConfiguration } from "../results/results.ts";
import { profiles } from "./profiles.ts";
import { planSweep } from "./sweep.ts";

const { nano } = gpt2Presets;
const size = { batch: 2, sequence: 16 };
const recipe = {
  ...{ learningRate: 3e-3, weightDecay: 0.3, clipNorm: 0.5, labelSmoothing: 0 },
  schedule: { warmupSteps: 2, totalSteps: 6, minimumFraction: 0.1 },
};
const qualitySteps = 5;
const seed = 7;

/** A text whose last tenth, the validation split, has letters of its own. */
const text = Uint8Array.from({ length: 4000 }, (_, i) => (i < 3600 ? 97 : 107) + (i * i + (i >> 4)) % 10);
const [training, validation] = [text.subarray(0, 3600), text.subarray(3600)];

/** What a cell runs under a policy that is a preset, and measures. */
async function cell(policy: string, gradientEvery: number, changes: Partial<CellConfiguration> = {}) {
  const path = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeFile(path, text);
    const configuration = {
      ...{ model: "nano", ...size, policy, storage: policyDocument(policy), seed, ...recipe },
      ...{ warmupSteps: 1, timedSteps: 2, qualitySteps, gradientEvery, round: 0, ...changes },
    };
    const { measurement, data, adapter } = await runCell({
      configuration,
      paths: { data: path },
      requireGpu: false,
    });
    if (!changes.model) assertEquals(data!.digest, await shortDigest(text), "it must tell what it read");
    assertEquals(adapter!.adapter, (await testGpu()).adapter.name);
    return measurement;
  } finally {
    await Deno.remove(path);
  }
}

/** All gradients of a session's last step. */
async function gradientsOf(session: TrainingSession): Promise<number[]> {
  return [...await session.gradients()].flatMap(([, { data }]) => [...data]);
}

/** The same training without a cell: what it learns, and the error of every other step's gradient. */
async function trained(policy: string) {
  const gpu = await testGpu();
  const options = { model: nano, ...size, seed, ...recipe };
  const session = await TrainingSession.create(gpu, { ...options, policy });
  const batches = new RandomBatches(training, { ...size, seed });
  const losses: number[] = [];
  const errors: [step: number, error: number][] = [];
  for (let step = 1; step <= qualitySteps; step++) {
    const batch = batches.next();
    const weights = await weightsOf(session);
    session.step(batch);
    losses.push(...await session.losses());
    if (step % 2 === 1) continue;
    const exact = await TrainingSession.create(gpu, { ...options, policy: "exact" }, weights);
    exact.step(batch);
    errors.push([step, relativeError(await gradientsOf(session), await gradientsOf(exact))]);
    exact.destroy();
  }
  const clippedShare = await session.clippedShare();
  const { loss } = await session.evaluate(sequentialBatches(validation, { ...size, rows: 8 * size.batch }));
  session.destroy();
  return { losses, errors, clippedShare, validationLoss: loss };
}

/** Bytes of saved activations at `bits` an element, as docs/policies.md tells them. */
function savedBytes(bits: number): number {
  const { layers: L, width: C, heads: H } = nano;
  return size.batch * size.sequence * (L * (10 * C * bits / 8 + 8 + 4 * H) + 4 * C + 4);
}

gpuTest(
  "runCell() under mesa8 trains, validates and compares gradients as is done here without it",
  async () => {
    const { status, memory, timing, quality } = await cell("mesa8", 2);
    const expected = await trained("mesa8");
    assertEquals(status, "ok");
    assertEquals(memory!.savedBytes, savedBytes(8));
    assertEquals(memory!.ledgerPeakBytes, null, "a comparison's memory is no part of training");
    assertEquals(timing!.stepMilliseconds.length, 2);
    const { gradientErrors, ...rest } = quality!;
    assertEquals(rest, {
      trainingLosses: expected.losses,
      ...{ validationLoss: expected.validationLoss, validationTop1: null, validationTargets: 8 * 2 * 16 },
      clippedShare: expected.clippedShare,
    });
    assertEquals(gradientErrors.map(({ step }) => step), expected.errors.map(([step]) => step));
    gradientErrors.forEach(({ overall }, i) => {
      const [, error] = expected.errors[i];
      assert(error > 1e-3, `an error of ${error} shows little`);
      assertAlmostEquals(overall.relativeError!, error, 1e-9);
    });
  },
);

gpuTest("runCell() compares a step's gradient with that of another batch", async () => {
  const { quality } = await cell("mesa8", 1, { qualitySteps: 1 });
  const [{ noise }] = quality!.gradientErrors;
  assert(noise! > 0.05, `a noise of ${noise} is that of a batch and itself`);
});

gpuTest("runCell() trains and times what fits, though exact's gradients do not fit beside it", async () => {
  for (const making of ["gradientProgram", "keptGradients"] as const) {
    const method = TrainingSession.prototype[making];
    const refuse = () => Promise.reject(new OutOfMemoryError("No room", 7));
    Object.assign(TrainingSession.prototype, { [making]: refuse });
    try {
      const { status, quality, timing } = await cell("half", 2);
      assertEquals([status, quality!.gradientErrors, timing!.stepMilliseconds.length], ["ok", [], 2]);
      assertEquals(quality!.trainingLosses.length, qualitySteps);
    } finally {
      Object.assign(TrainingSession.prototype, { [making]: method });
    }
  }
});

gpuTest("runCell() under exact books every buffer at its peak, evaluation's included", async () => {
  const counter = countBuffers({ device: GPUDevice.prototype }, "reference"); // which is timed when all else is gone
  try {
    const { memory, quality } = await cell("exact", 0);
    assertEquals(memory!.ledgerPeakBytes, counter.peak());
    assert(counter.peak() > counter.live(), "nothing was destroyed");
    assertEquals(memory!.savedBytes, savedBytes(32));
    assertEquals(quality!.gradientErrors, []);
  } finally {
    counter.stop();
  }
});

gpuTest(
  "runCell() of two micro-batches a step learns what a batch of both would, and compares their gradients",
  async () => {
    const parts = await cell("half", 2, { accumulate: 2 });
    assertEquals(parts.status, "ok");
    const gpu = await testGpu();
    const whole = { batch: 2 * size.batch, sequence: size.sequence };
    const session = await TrainingSession.create(gpu, {
      model: nano,
      ...whole,
      seed,
      ...recipe,
      policy: "half",
    });
    const batches = new RandomBatches(training, { ...whole, seed }); // draws rows one after the other, whatever the batch
    for (let step = 0; step < qualitySteps; step++) session.step(batches.next());
    const losses = await session.losses();
    session.destroy();
    const { trainingLosses, gradientErrors } = parts.quality!;
    trainingLosses.forEach((loss, i) => assertAlmostEquals(loss!, losses[i], 1e-4));
    assert(
      gradientErrors.length === 2 && gradientErrors.every(({ overall }) => overall.relativeError! < 1e-2),
    );
  },
);

gpuTest(
  "runCell() trains with weights and moments in fewer bytes, and updates in backward, as it is told",
  async () => {
    const loss = async (changes: Partial<CellConfiguration>) => {
      const { status, memory, quality } = await cell("exact", 0, changes);
      assertEquals(status, "ok");
      return { bytes: memory!.liveAtPeak, loss: quality!.validationLoss! };
    };
    const choices = profiles.states("software").combinations!.map(({ choices }) => choices);
    assert(choices.length > 0);
    const bases = { step: await loss({}), last: await loss({ clipBy: "last" }) };
    for (const choice of choices) {
      const [own, exact] = [await loss(choice), bases[choice.clipBy ?? "step"]];
      assertAlmostEquals(own.loss, exact.loss, 0.1, JSON.stringify(choice));
      const share = (category: "parameters" | "optimizer") => own.bytes[category]! / exact.bytes[category]!;
      assertAlmostEquals(share("parameters"), choice.parameters ? 0.5 : 1, 0.02);
      const moments = { f32: 1, bf16: 0.5, "8bit": 0.25 }[choice.moments ?? "f32"];
      assertAlmostEquals(share("optimizer"), moments, 0.02);
    }
  },
);

gpuTest("runCell() validates a re-invested batch on the text that exact's is validated on", async () => {
  const still = { learningRate: 1e-30, weightDecay: 0 }; // the weights stay as they begin
  const of = async (changes: Partial<CellConfiguration>) =>
    (await cell("exact", 0, { ...still, ...changes })).quality!;
  const [own, grown, alone] = [
    await of({}),
    await of({ batch: 3, reinvested: { model: "nano", batch: 2, into: "batch" } }),
    await of({ batch: 3 }),
  ];
  assertAlmostEquals(grown.validationLoss!, own.validationLoss!, 1e-6);
  assert(Math.abs(alone.validationLoss! - own.validationLoss!) > 1e-5, "other windows have another loss");
  assertEquals([own, grown, alone].map(({ validationTargets }) => validationTargets), [256, 256, 384]);
});

gpuTest("runCell() marks a run whose loss or gradient is no number, from the step on", async () => {
  const { status, message, timing } = await cell("exact", 0, { learningRate: 1e30 });
  assertEquals([status, timing!.stepMilliseconds.length], ["diverged", 2]);
  assertMatch(message!, /^The loss is no number from step [2-5] on$/);
  const timed = { learningRate: 1e30, qualitySteps: 0, warmupSteps: 0, timedSteps: 5 };
  const alone = await cell("exact", 0, timed);
  assertEquals([alone.status, alone.message], ["diverged", "The loss of a timed step is no number"]);
  assertEquals((await cell("exact", 0, { ...timed, learningRate: 1e-3 })).status, "ok");
  // Losses smoothed by 2e18 are numbers and so are the squares of their gradients, but not the sum of those: in every step, of which a card whose
  // clock is low takes more than it is told.
  const still = { ...timed, model: "vit-nano", sequence: 65, learningRate: 1e-30, clipNorm: 0 };
  const steep = await cell("exact", 0, { ...still, labelSmoothing: 2e18 });
  assertEquals([steep.status, steep.message], ["diverged", "The gradient of a step is no number"]);
  assertEquals((await cell("exact", 0, { ...still, labelSmoothing: 0.1 })).status, "ok");
  const schedule = { warmupSteps: qualitySteps, totalSteps: qualitySteps + 1, minimumFraction: 1e33 };
  const later = await cell("exact", 0, { schedule });
  assertEquals([later.status, later.message], [alone.status, alone.message]);
  const { trainingLosses, validationLoss } = later.quality!;
  assert([...trainingLosses, validationLoss].every(Number.isFinite), "what was measured before stands");
});

gpuTest("runCell() trains the model of a document, at a length that no preset has", async () => {
  const model = { ...modelConfig("nano"), name: "long", layers: 1, width: 32, heads: 2, positions: 1100 };
  const [storage, sequence] = [policyDocument("mst8"), 1100];
  const options = { models: [model], sequences: [sequence], batches: [1], policies: [storage] };
  const [cell] = planSweep({ ...profiles.smoke("software"), ...options });
  const path = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeTextFile(path, "A text of some twelve thousand bytes.\n".repeat(320));
    const { measurement: { status, message, memory, program } } = await runCell({
      configuration: cell,
      paths: { data: path },
      requireGpu: false,
    });
    assertEquals([status, message], ["ok", null]);
    assertEquals(program!.pieces, { mlp: 1100, head: 512 });
    const planned = planTraining({ model, sequence, batch: 1, policy: storage, seed: 0 });
    assertEquals(memory!.liveAtPeak.parameters, planned.liveAtPeak.parameters);
    assertEquals(memory!.savedBytes, planned.savedBytes);
  } finally {
    await Deno.remove(path);
  }
});

gpuTest("runCell() times the reference once the card's clock has risen", async () => {
  const { name } = (await testGpu()).adapter;
  const counted = await Deno.makeTempFile();
  const program = `case "$1" in *clocks.sm*)
  echo asked >>${counted}
  [ $(wc -l <${counted}) -lt 9 ] && clock=345 || clock=1980
  echo "$clock, 1980, 300, 50, 0x0000000000000000, ${name}" ;; *) exit 2 ;; esac`;
  const asked = async () => (await Deno.readTextFile(counted)).trim().split("\n").length;
  await withPrograms({ "nvidia-smi": program }, async () => {
    const { timing } = await cell("exact", 0, { qualitySteps: 0 });
    assert(timing!.reference);
    assertEquals([timing!.card!.clockMegahertz, await asked()], [345, 9]);
  });
  await Deno.remove(counted);
});

gpuTest(
  "runCell() tells of the driver's memory what has grown since before a device was opened",
  async () => {
    const { name } = (await testGpu()).adapter;
    const counted = await Deno.makeTempFile();
    const program = `case "$1" in *memory.used*)
  echo asked >>${counted}
  [ $(wc -l <${counted}) -lt 3 ] && used=1000 || used=1300
  echo "$used, 9000, ${name}" ;; *) exit 2 ;; esac`;
    await withPrograms({ "nvidia-smi": program }, async () => {
      const { memory } = await cell("exact", 0, { qualitySteps: 0 });
      assertEquals(memory!.driverBytes, 300 * 2 ** 20);
    });
    await Deno.remove(counted);
  },
);
