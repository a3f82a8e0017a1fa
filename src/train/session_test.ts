import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { gpuTest, relativeError, testGpu } from "../../kernels/testing/testing.ts";
import type { TokenBatch } from "../data/batches.ts";
import { UserError } from "../errors.ts";
import { readCheckpoint, writeCheckpoint } from "../models/checkpoint.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { gpt2LossAndGradients, gpt2TrainStep } from "../models/gpt2/reference.ts";
import { usualSequence } from "../models/model_config.ts";
import { toCheckpoint } from "../models/shared/checkpoint_parameters.ts";
import { initialValues } from "../models/testing.ts";
import { vitPresets } from "../models/vit/config.ts";
import { referenceState, referenceWeights } from "../models/shared/transformer_reference.ts";
import { policyDocument, policyNames } from "../storage/policies.ts";
import { learningRateAt, type TrainOptions } from "./options.ts";
import { TrainingSession } from "./session.ts";
import { taskOf } from "./task_of.ts";
import {
  lossesOf,
  model,
  options,
  periodicBatches,
  size,
  someBatches,
  weightsOf,
  withSession,
} from "./testing.ts";

/** Losses in f32 are this close to the reference's. */
const limit = 1e-5;

/** The reference's mean loss; `targets` replaces the batch's. */
function referenceLoss(
  weights: Map<string, NamedTensor>,
  { inputs, targets }: TokenBatch,
  shape = size,
): number {
  return gpt2LossAndGradients(referenceWeights(weights), model, inputs, targets, shape).loss;
}

gpuTest("TrainingSession begins with the model's initial values, bit for bit", async () => {
  for (const config of [model, vitPresets["vit-nano"]]) {
    const sized = { model: config, batch: 1, sequence: usualSequence(config) };
    const begun = await withSession({ ...sized, seed: 3 }, (session) => session.parameters());
    const task = taskOf({ ...options, ...sized });
    for (const parameter of task.parameters) {
      const expected = initialValues(task.initial(parameter), parameter, 3);
      for (const [name, { data }] of toCheckpoint(parameter, expected)) {
        assertEquals(begun.get(name)!.data, data, name);
      }
    }
  }
});

gpuTest("TrainingSession repeats its losses bit for bit by seed, under every policy", async () => {
  const batches = someBatches(5);
  for (const policy of policyNames) {
    const losses = await lossesOf({ policy }, batches);
    assertEquals(losses.length, 5);
    assertEquals(await lossesOf({ policy }, batches), losses);
    const others = await lossesOf({ policy, seed: 2 }, batches);
    assert(losses.every((loss, i) => loss !== others[i]), `${policy}: another seed gives a loss again`);
  }
});

gpuTest("The seed decides how mesa8 rounds, and that alone once the weights are given", async () => {
  const batches = someBatches(4);
  const weights = await withSession({}, weightsOf);
  for (const rounding of ["stochastic", "nearest"] as const) {
    const policy = { ...policyDocument("mesa8"), rounding };
    const [first, second] = [
      await lossesOf({ policy, seed: 1 }, batches, weights),
      await lossesOf({ policy, seed: 2 }, batches, weights),
    ];
    assertEquals(first[0], second[0], "the first step's forward does not depend on storage");
    if (rounding === "nearest") assertEquals(first, second);
    else assertNotEquals(first.slice(1), second.slice(1));
  }
});

gpuTest("TrainingSession.evaluate() and generate() move neither weights nor range estimates", async () => {
  const batches = someBatches(6);
  const uninterrupted = await lossesOf({ policy: "mesa8" }, batches);
  const interrupted = await withSession({ policy: "mesa8" }, async (session) => {
    const losses: number[] = [];
    for (const batch of batches) {
      session.step(batch);
      losses.push(...await session.losses());
      // Data of which the estimates would learn another range.
      await session.evaluate(someBatches(2, 9));
      await session.generate([1, 2, 3], 2, { temperature: 1, seed: losses.length });
    }
    return losses;
  });
  assertEquals(interrupted, uninterrupted);
});

gpuTest(
  "TrainingSession.evaluate() is the reference's mean loss over valid targets of all batches",
  async () => {
    await withSession({}, async (session) => {
      const [a, b] = someBatches(2);
      const few = { inputs: b.inputs, targets: b.targets.map((target, i) => i < 4 ? target : -100) };
      const valid = ({ targets }: TokenBatch) => targets.filter((target) => target >= 0).length;
      const weights = await session.parameters();
      const expected = (referenceLoss(weights, a) * valid(a) + referenceLoss(weights, few) * valid(few)) /
        (valid(a) + valid(few));
      const { loss, top1 } = await session.evaluate([a, few]);
      assertAlmostEquals(loss, expected, limit);
      assertEquals(top1, null);
      session.step(a);
      await assertRejects(() => session.evaluate([a]), Error, "Read the losses");
    });
  },
);

gpuTest("A batch without valid targets has no loss and no gradient", async () => {
  await withSession({}, async (session) => {
    const [{ inputs, targets }] = someBatches(1);
    session.step({ inputs, targets: targets.map(() => -100) });
    assertEquals(await session.losses(), [0]);
    assertEquals(await session.gradientNorms(), [0]);
  });
});

gpuTest("TrainingSession saves a checkpoint that gives the same losses when it is loaded", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    const batches = someBatches(3);
    const [loss, next] = await withSession({ policy: "half" }, async (session) => {
      for (const batch of someBatches(3, 4)) session.step(batch);
      await session.losses();
      await writeCheckpoint(path, session.unreadParameters(), model);
      return [await session.evaluate(batches), await session.generate([3], 5, { temperature: 1, seed: 2 })];
    });
    const { model: read, weights } = await readCheckpoint(path);
    assertEquals({ ...read, name: model.name }, model);
    await withSession({ policy: "half", seed: 77 }, async (session) => {
      assertEquals(await session.evaluate(batches), loss);
      assertEquals(await session.generate([3], 5, { temperature: 1, seed: 2 }), next);
    }, weights);
  } finally {
    await Deno.remove(path);
  }
});

gpuTest(
  "TrainingSession.generate() repeats by seed, and takes the reference's likeliest token at temperature 0",
  async () => {
    await withSession({}, async (session) => {
      const source = periodicBatches();
      for (let step = 0; step < 25; step++) session.step(source.next());
      await session.losses();
      const drawn = (seed: number) => session.generate([3, 1, 4], 12, { temperature: 2, seed });
      const signal = AbortSignal.abort();
      assertEquals(await session.generate([3, 1, 4], 12, { temperature: 2, seed: 1, signal }), []);
      assertEquals(await drawn(5), await drawn(5));
      assertNotEquals(await drawn(5), await drawn(6));

      // The likeliest token is the one with the least loss as the target. The context slides along once it is as long as a sequence.
      const weights = await session.parameters();
      const likeliest = (context: number[]) => {
        const sequence = context.length;
        const losses = Array.from({ length: model.vocab }, (_, token) => {
          const targets = new Int32Array(sequence).fill(-100);
          targets[sequence - 1] = token;
          return referenceLoss(weights, { inputs: Uint32Array.from(context), targets }, {
            batch: 1,
            sequence,
          });
        });
        return losses.indexOf(Math.min(...losses));
      };
      const tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 3, 1, 4, 1];
      const greedy = await session.generate(tokens, 5, { temperature: 0, seed: 1 });
      assert(new Set(greedy).size >= 4, `${greedy} shows nothing`);
      for (const token of greedy) {
        assertEquals(token, likeliest(tokens.slice(-size.sequence)));
        tokens.push(token);
      }
    });
  },
);

/** A parameter without the keys' bias: softmax ignores it, so its gradient is rounding alone, which AdamW makes as large as any other. */
function moved(name: string, values: ArrayLike<number>): number[] {
  const all = Array.from(values);
  return name.endsWith("c_attn.bias") ? all.filter((_, i) => Math.floor(i / model.width) !== 1) : all;
}

gpuTest(
  "TrainingSession repeats the reference's losses with clipping, a schedule and decay of matrices alone",
  async () => {
    const batches = someBatches(6);
    const settings = {
      betas: [0.8, 0.95],
      epsilon: 1e-6,
      weightDecay: 0.3,
      clipNorm: 0.5,
      schedule: { warmupSteps: 2, totalSteps: 8, minimumFraction: 0.1 },
    } as const;
    await withSession(settings, async (session) => {
      const state = referenceState(referenceWeights(await session.parameters()));
      const { gradients } = gpt2LossAndGradients(
        state.weights,
        model,
        batches[0].inputs,
        batches[0].targets,
        size,
      );
      const expected = batches.map((batch, i) =>
        gpt2TrainStep(state, model, batch, size, {
          learningRate: learningRateAt(i + 1, options.learningRate!, settings.schedule),
          beta1: settings.betas[0],
          beta2: settings.betas[1],
          epsilon: settings.epsilon,
          weightDecay: settings.weightDecay,
          decayed: (name) => name.endsWith(".weight") && !/\.ln_\w+\./.test(name),
          clipNorm: settings.clipNorm,
        })
      );
      session.step(batches[0]);
      for (const [name, { data }] of await session.gradients()) {
        assert(relativeError(data, gradients.get(name)!) < limit, name);
      }
      for (const batch of batches.slice(1)) session.step(batch);
      const losses = await session.losses();
      losses.forEach((loss, i) => assertAlmostEquals(loss, expected[i], limit, `step ${i + 1}`));
      const norms = await session.gradientNorms();
      const firstNorm = Math.hypot(...[...gradients.values()].flatMap((gradient) => [...gradient]));
      assertEquals(norms.length, batches.length);
      assertAlmostEquals(norms[0], firstNorm, limit * firstNorm);
      assert(norms.every((norm) => norm > settings.clipNorm), "nothing was clipped");
      const after = referenceWeights(await session.parameters());
      for (const [name, weight] of state.weights) {
        assert(relativeError(moved(name, after.get(name)!), moved(name, weight)) < 1e-4, name);
      }
    });
  },
);

gpuTest("TrainingSession.timedSteps() trains as step() does", async () => {
  const batches = someBatches(3);
  const losses = await lossesOf({}, batches);
  await withSession({}, async (session) => {
    const { stepMilliseconds, clock } = await session.timedSteps(batches);
    assertEquals(clock, (await testGpu()).timestamps ? "gpu" : "wall");
    assertEquals(stepMilliseconds.length, 3);
    assert(stepMilliseconds.every((milliseconds) => milliseconds > 0), `${stepMilliseconds}`);
    assertEquals(await session.losses(), losses);
  });
});

gpuTest(
  "TrainingSession.profile() trains as step() does, and a batch that it refuses is no step",
  async () => {
    const batches = someBatches(3);
    const losses = await lossesOf({ policy: "mesa8" }, batches);
    await withSession({ policy: "mesa8" }, async (session) => {
      const inputs = batches[0].inputs.with(7, model.vocab);
      await assertRejects(() => session.profile({ ...batches[0], inputs }), UserError, "Token id 16");
      session.step(batches[0]);
      await session.profile(batches[1]);
      session.step(batches[2]);
      assertEquals(await session.losses(), losses);
    });
  },
  !(await testGpu()).timestamps && "this adapter has no timestamps",
);

gpuTest(
  "TrainingSession refuses a token outside the vocabulary, and trains on as if it had not been given",
  async () => {
    const batches = someBatches(2);
    const losses = await lossesOf({}, batches);
    await withSession({}, async (session) => {
      session.step(batches[0]);
      const inputs = batches[1].inputs.with(7, model.vocab);
      assertThrows(() => session.step({ ...batches[1], inputs }), UserError, "Token id 16 at position 7");
      const targets = batches[1].targets.with(0, 99);
      assertThrows(() => session.step({ ...batches[1], targets }), UserError, "Token id 99 at position 0");
      session.step(batches[1]);
      assertEquals(await session.losses(), losses);
      await assertRejects(
        () => session.generate([3, 16], 1, { temperature: 0, seed: 1 }),
        UserError,
        "Token id 16 at position 1",
      );
    });
  },
);

gpuTest(
  "TrainingSession.create() refuses what model and options contradict, and keeps no buffer",
  async () => {
    const gpu = await testGpu();
    const before = gpu.ledger.liveBytes;
    const create = (changes: Partial<TrainOptions>) => () =>
      TrainingSession.create(gpu, { ...options, ...changes });
    await assertRejects(create({ sequence: 21 }), UserError, "Sequence length 21 exceeds the 20 positions");
    await assertRejects(
      create({ model: { ...model, heads: 3 } }),
      UserError,
      "3 heads do not divide 32 channels",
    );
    await assertRejects(create({ policy: "mesa" }), UserError, 'did you mean "mesa8"');
    const large = new Map(
      taskOf(options).parameters.map((
        { name, rows, cols },
      ) => [name, new Float32Array(rows * cols).fill(1e6)]),
    );
    await assertRejects(
      () => TrainingSession.create(gpu, { ...options, parameters: "f16" }, large),
      UserError,
      "beyond the 65504 of f16",
    );
    assertEquals(gpu.ledger.liveBytes, before);
    await withSession({ policy: "mesa8" }, () => Promise.resolve(assert(gpu.ledger.liveBytes > before)));
    assertEquals(gpu.ledger.liveBytes, before);
  },
);

gpuTest("Forty steps on a periodic text bring the loss below half a nat under every policy", async () => {
  for (const policy of policyNames) {
    const source = periodicBatches();
    await withSession({ policy }, async (session) => {
      for (let step = 0; step < 40; step++) session.step(source.next());
      const losses = await session.losses();
      assert(losses[0] > 2.5, `${policy} begins at ${losses[0]}`);
      assert(losses[39] < 0.5, `${policy} ends at ${losses[39]}`);
      const clipped = await session.clippedShare();
      const { bits, grouping } = policyDocument(policy);
      if (bits < 16 && grouping !== "token") { // nothing lies outside a token's own range
        assert(clipped > 0 && clipped < 0.1, `a share of ${clipped} was clipped`);
      } else assertEquals(clipped, 0);
    });
  }
});
