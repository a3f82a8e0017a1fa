import { assert, assertEquals } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { RandomBatches } from "../data/batches.ts";
import type { ProgramDescription } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { tensorBytes, wholeOf } from "../gpu/tensor.ts";
import { countBuffers } from "../gpu/testing.ts";
import { type Gpt2Config, gpt2Presets } from "../models/gpt2/config.ts";
import { llamaPresets } from "../models/llama/config.ts";
import { modelConfig, usualSequence } from "../models/model_config.ts";
import { gpt2Parameters } from "../models/gpt2/parameters.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { policyNames } from "../storage/policies.ts";
import { policyNamed } from "../storage/testing.ts";
import { describeTraining } from "./describe.ts";
import { gpt2Task, llamaTask } from "./text_task.ts";
import { planTraining } from "./plan_testing.ts";
import type { StepChoices } from "./step_choices.ts";
import { TrainingSession } from "./session.ts";

const { nano, micro, mini, small } = gpt2Presets;
const ragged: Gpt2Config = { ...nano, name: "ragged", width: 18, heads: 3 };

/** Bytes of an element of the tensors that a policy stores, for those that share what they store. */
const elementBytes = { exact: 4, half: 2, mesa8: 1, tensor8: 1, mesa4: 0.5, mesa2: 0.25 };
const sharing = Object.keys(elementBytes) as (keyof typeof elementBytes)[];

/** Columns as rows are laid out: rounded up to vectors of four. */
const padded = (cols: number) => Math.ceil(cols / 4) * 4;

function training(
  model: Gpt2Config,
  sequence: number,
  batch: number,
  policy: string,
  adapterClass: "gpu" | "software",
): ProgramDescription {
  const options = { model, sequence, batch, policy, seed: 0 };
  const task = gpt2Task(model, options);
  return describeTraining(
    options,
    task,
    new ParameterSet(task.parameters, typicalGpuLimits),
    policyNamed(policy),
    { limits: typicalGpuLimits, adapterClass },
  );
}

for (const policy of sharing) {
  const perChannel = 10 * elementBytes[policy];

  Deno.test(`${policy} saves ${perChannel}C + 8 + 4H bytes a token and block, and 4C + 4 a token for the final LayerNorm`, () => {
    for (const model of [nano, micro, mini, small]) {
      const { layers: L, width: C, heads: H } = model;
      for (const [sequence, batch] of [[64, 1], [128, 4], [1024, 2]]) {
        const N = sequence * batch;
        const plan = planTraining({ model, sequence, batch, policy, seed: 0 });
        // The head reads the final LayerNorm's output at once, so it is never stored in fewer bits.
        assertEquals(plan.savedBytes, N * (L * (perChannel * C + 8 + 4 * H) + 4 * C + 4), model.name);
      }
    }
  });

  Deno.test(`${policy} pads saved rows to four channels, or whole words, and nothing else`, () => {
    const { layers: L, width: C, heads: H } = ragged;
    const N = 37 * 3;
    const row = (cols: number) => {
      const bytes = elementBytes[policy] * padded(cols);
      return elementBytes[policy] < 1 ? Math.ceil(bytes / 4) * 4 : bytes; // whole words
    };
    const stored = 3 * row(C) + row(3 * C) + row(4 * C);
    const plan = planTraining({ model: ragged, sequence: 37, batch: 3, policy, seed: 0 });
    assertEquals(plan.savedBytes, N * (L * (stored + 8 + 4 * H) + 4 * padded(C) + 4));
  });

  Deno.test(`${policy} books its range tables as ranges, whatever the batch`, () => {
    for (const model of [nano, { ...ragged, width: 24 }]) {
      const { layers: L, width: C, heads: H } = model;
      // Three f32 tables over the 10C channels of a block; a vector for each group's estimates, and one that counts.
      const groups = policy === "tensor8" ? 7 : 7 * H;
      const tables = L * 12 * 10 * C, estimates = L * 16 * (groups + 5);
      for (const batch of [4, 16]) {
        const { liveAtPeak } = planTraining({ model, sequence: 256, batch, policy, seed: 0 });
        assertEquals(liveAtPeak.ranges, elementBytes[policy] <= 1 ? tables + estimates : 0);
      }
    }
  });
}

Deno.test("planTraining() accounts for every byte of the live peak: the last block's MLP, all blocks stored", () => {
  for (const policy of sharing) {
    const options = { model: nano, sequence: 256, batch: 16, policy, seed: 0 };
    const { livePeakBytes, liveAtPeak, savedBytes } = planTraining(options);
    assertEquals(Object.values(liveAtPeak).reduce((a, b) => a + b, 0), livePeakBytes);
    const parameters = gpt2Parameters(nano, "matrices").reduce((sum, { rows, cols }) => sum + rows * cols, 0);
    assertEquals(liveAtPeak.parameters, 4 * parameters);
    assertEquals(liveAtPeak.gradients, 4 * parameters);
    assertEquals(liveAtPeak.optimizer, 8 * parameters);
    assertEquals(liveAtPeak.saved, savedBytes - 256 * 16 * (4 * nano.width + 4));
  }
});

Deno.test("token8 saves 10C + 64 + 4H bytes a token and block: as mesa8, and 8 bytes of range for each of seven rows", () => {
  for (const model of [nano, micro, mini, small]) {
    const { layers: L, width: C, heads: H } = model;
    for (const [sequence, batch] of [[64, 1], [128, 4], [1024, 2]]) {
      const { savedBytes, liveAtPeak } = planTraining({ model, sequence, batch, policy: "token8", seed: 0 });
      assertEquals(savedBytes, sequence * batch * (L * (10 * C + 64 + 4 * H) + 4 * C + 4), model.name);
      assertEquals(liveAtPeak.ranges, 0, "a token has no past");
    }
  }
});

Deno.test("mesa8-paper saves 16C + 3HT + 8 bytes a token and block: what the authors' code keeps", () => {
  for (const model of [nano, mini]) {
    const { layers: L, width: C, heads: H } = model;
    for (const [sequence, batch] of [[64, 1], [37, 4]]) {
      const plan = planTraining({ model, sequence, batch, policy: "mesa8-paper", seed: 0 });
      const perBlock = 16 * C + 3 * H * padded(sequence) + 8;
      assertEquals(plan.savedBytes, sequence * batch * (L * perBlock + 4 * C + 4), model.name);
    }
  }
});

Deno.test("mesa8-paper carries the softmax's input to backward, though nothing reads it", () => {
  const { dispatches } = training(nano, 64, 1, "mesa8-paper", "gpu");
  const carried = dispatches.filter(({ pass }) => pass === "backward").flatMap(({ carries = [] }) => carries);
  const logits = ["h.1", "h.0"].map((block) => `${block}.attn logits`);
  assertEquals(
    carried.map(({ name }) => name),
    logits.flatMap((name) => [`${name} (8 bits)`, `${name} tables`]),
  );
});

Deno.test("A ViT saves 10C + 8 + 4H bytes a token and block under mesa8, and of the head only the class rows", () => {
  for (const name of ["vit-nano", "deit-tiny", "deit-base"]) {
    const model = modelConfig(name);
    const [{ layers: L, width: C, heads: H }, T, batch] = [model, usualSequence(model), 8];
    const { savedBytes } = planTraining({ model, sequence: T, batch, policy: "mesa8", seed: 0 });
    assertEquals(savedBytes, batch * (T * L * (10 * C + 8 + 4 * H) + 4 * C + 4), name);
  }
});

Deno.test("A Llama saves 2(C + Q + K + F) elements and 8 + 4H bytes a token and block, under token8 8G + 56 more", () => {
  for (
    const name of ["llama-nano", "llama-micro", "llama-1b", "llama-3b", "llama2-7b", "llama3-8b"] as const
  ) {
    const model = llamaPresets[name];
    const { layers: L, width: C, heads: H, keyHeads, headSize, hidden: F } = model;
    const [Q, K] = [H * headSize, keyHeads * headSize];
    const saved = (policy: string) =>
      planTraining({ model, sequence: 32, batch: 2, policy, seed: 0 }).savedBytes / 64;
    const bytes = (element: number, more = 0) =>
      L * (element * 2 * (C + Q + K + F) + 8 + 4 * H + more) + 4 * C + 4;
    for (const policy of sharing) {
      assertEquals(
        saved(policy),
        bytes(elementBytes[policy]),
        `${name} ${policy}`,
      );
    }
    assertEquals(saved("token8"), bytes(1, 8 * (H / keyHeads) + 56), name);
    assertEquals(saved("mesa8-selective"), bytes(1) - L * 2 * F, name);
    assertEquals(saved("recompute"), (L - 1) * 4 * C + 4 * C + 4, name);
    for (const policy of ["recompute8", "mst8"]) {
      assertEquals(
        saved(policy),
        (L - 1) * (C + 8) + 4 * C + 4,
        name,
      );
    }
  }
});

Deno.test("No tensor of a Llama's step is as wide as keys and values repeated for each head", () => {
  const model = llamaPresets["llama-micro"];
  const task = llamaTask(model, { model, sequence: 64, batch: 2, policy: "exact", seed: 0 });
  const { tensors } = describeTraining(
    { model, sequence: 64, batch: 2, policy: "exact", seed: 0 },
    task,
    new ParameterSet(task.parameters, typicalGpuLimits),
    policyNamed("exact"),
    { limits: typicalGpuLimits, adapterClass: "gpu" },
  );
  const attention = tensors.filter(({ name }) => /attn/.test(name)).map(({ cols }) => cols);
  assertEquals(Math.max(...attention), (model.heads + 2 * model.keyHeads) * model.headSize);
});

Deno.test("Buffers of DeiT at batch 128 hold at most 5% more than the live peak, under every policy", () => {
  for (const name of ["deit-tiny", "deit-base"]) {
    for (const policy of policyNames) {
      const model = modelConfig(name);
      const plan = planTraining({ model, sequence: usualSequence(model), batch: 128, policy, seed: 0 });
      assert(plan.bufferBytes <= 1.05 * plan.livePeakBytes, `${name} ${policy}`);
    }
  }
});

Deno.test("DeiT at batch 128 under mesa8 needs less than 900, 1900 and 4300 MiB of buffers", () => {
  for (const [name, mebibytes] of [["deit-tiny", 900], ["deit-small", 1900], ["deit-base", 4300]] as const) {
    const model = modelConfig(name);
    const options = { model, sequence: usualSequence(model), batch: 128, policy: "mesa8", seed: 0 };
    const { bufferBytes } = planTraining(options);
    assert(bufferBytes <= mebibytes * 2 ** 20, `${name}: ${bufferBytes / 2 ** 20} MiB`);
  }
});

for (const adapterClass of ["gpu", "software"] as const) {
  Deno.test(`Buffers of a step on a ${adapterClass} adapter hold at most 5% more than its live peak`, () => {
    for (const model of [nano, micro, mini, small]) {
      for (const [sequence, batch] of [[64, 1], [128, 4], [256, 16], [1024, 8]]) {
        for (const policy of sharing) {
          const { plan } = training(model, sequence, batch, policy, adapterClass);
          const share = plan.bufferBytes / plan.livePeakBytes;
          assert(share <= 1.05, `${model.name} ${sequence}×${batch} ${policy}: ${share}`);
        }
      }
    }
  });

  Deno.test(`No dispatch on a ${adapterClass} adapter reads and writes one buffer, or writes a byte twice`, () => {
    for (const policy of policyNames) {
      const { dispatches, tensors, plan } = training(nano, 256, 16, policy, adapterClass);
      const bufferOf = new Map(tensors.map((tensor, i) => [tensor, plan.slots.assignment[i]]));
      for (const { kernel, bindings } of dispatches) {
        for (const { tensor, access } of bindings) {
          if (access === "read") continue;
          const others = bindings.filter((other) => wholeOf(other.tensor) !== wholeOf(tensor));
          const place = (x: typeof tensor) => x.home?.store ?? bufferOf.get(wholeOf(x));
          const overlap = (a: typeof tensor, b: typeof tensor) =>
            a.home!.offset < b.home!.offset + tensorBytes(b) &&
            b.home!.offset < a.home!.offset + tensorBytes(a);
          const shared = others.find((other) =>
            place(other.tensor) === place(tensor) &&
            (other.access === "read" || !tensor.home || overlap(tensor, other.tensor))
          );
          assert(!shared, `${kernel.label} writes ${tensor.name} beside ${shared?.tensor.name}`);
        }
      }
    }
  });
}

gpuTest("TrainingSession makes exactly the buffers that its plan and the ledger tell of", async () => {
  const gpu = await testGpu();
  const model: Gpt2Config = { ...nano, layers: 1, width: 18, heads: 3, vocab: 16, positions: 16 };
  const tokens = Uint8Array.from({ length: 100 }, (_, i) => i % 7);
  const counter = countBuffers(gpu);
  const before = gpu.ledger.liveBytes;
  const live = () => [gpu.ledger.liveBytes - before, counter.live()];
  try {
    const session = await TrainingSession.create(gpu, {
      model,
      sequence: 16,
      batch: 2,
      policy: "mesa8",
      seed: 1,
    });
    const { bufferBytes } = session.plan;
    assertEquals(live(), [bufferBytes, bufferBytes]);
    const batches = new RandomBatches(tokens, { batch: 2, sequence: 16, seed: 1 });
    for (let step = 0; step < 3; step++) session.step(batches.next());
    assertEquals(live(), [bufferBytes, bufferBytes], "steps make buffers");
    await session.losses();
    await session.evaluate([batches.next()]);
    await session.generate([1, 2], 2, { temperature: 1, seed: 1 });
    assertEquals(live(), [bufferBytes, bufferBytes], "evaluating or generating leaves buffers behind");
    assertEquals(gpu.ledger.peakBytes - before, counter.peak());
    session.destroy();
    assertEquals(live(), [0, 0]);
  } finally {
    counter.stop();
  }
});

Deno.test("The documentation's table of states is what small's plans say", async () => {
  const page = await Deno.readTextFile(`${import.meta.dirname}/../../docs/running.md`);
  const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
    .filter(([, update]) => update === "step" || update === "backward");
  assertEquals(rows.length, 5);
  for (const [, update, moments, parameters, ...told] of rows) {
    const plans = ["exact", "mesa8", "mst8"].map((policy) =>
      planTraining({
        ...{ model: small, sequence: 1024, batch: 16, policy, seed: 0 },
        ...{ moments, parameters, update, ...update === "backward" && { clipBy: "last" } } as StepChoices,
      })
    );
    const [{ liveAtPeak }] = plans;
    assertEquals(told.slice(0, 6), [
      ...(["parameters", "gradients", "optimizer"] as const).map((part) =>
        `${(liveAtPeak[part] / 2 ** 20).toFixed(0)} MiB`
      ),
      ...plans.map(({ bufferBytes }) => `${(bufferBytes / 2 ** 30).toFixed(2)} GiB`),
    ]);
  }
});
