import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gpuWith, softwareWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { type Card, describeFitting, fittingSweep, stepSeconds } from "./fitting_sweep.ts";
import { glance, glanceSeconds } from "./profiles.ts";
import { planSweep } from "./sweep.ts";

const GiB = 2 ** 30;
const cards: Record<string, Card> = {
  "a laptop's": { flops: 1e12, bytes: 5e10, memory: 2 * GiB },
  "a mid card": { flops: 10e12, bytes: 4e11, memory: 8 * GiB },
  "an H100": { flops: 45e12, bytes: 2.6e12, memory: 80e9 },
  "a software adapter": {
    flops: 5e10,
    bytes: 1e10,
    memory: 4 * GiB,
    builder: softwareWith(typicalSoftwareLimits),
  },
  "a fast one with little memory": { flops: 45e12, bytes: 2.6e12, memory: 256 * 2 ** 20 },
  "a slow one with little memory": { flops: 2e10, bytes: 5e9, memory: 64 * 2 ** 20 },
};

const parameters = (name: string) => {
  const { width, layers } = modelConfig(name);
  return width ** 2 * layers;
};

for (const [name, card] of Object.entries(cards)) {
  Deno.test(`fittingSweep() gives ${name} models that fit its memory and the time`, () => {
    const { models, batches, seconds } = fittingSweep(card, glance, glanceSeconds, true);
    assert(seconds > 0 && seconds <= glanceSeconds, `${seconds} s`);
    assert(models.length >= 1 && batches.length === 1);
    for (const cell of planSweep({ ...glance, models, batches, rounds: 1 })) {
      const { plan } = describeStep(
        { ...cell, schedule: undefined, model: modelConfig(cell.model), policy: cell.storage },
        card.builder ?? gpuWith(typicalGpuLimits),
      );
      assert(plan.bufferBytes <= card.memory, `${cell.model} takes ${plan.bufferBytes} bytes`);
    }
  });
}

Deno.test("fittingSweep() takes larger models on larger cards, one of each family", () => {
  const chosen = ["a laptop's", "a mid card", "an H100"].map((name) =>
    fittingSweep(cards[name], glance, glanceSeconds, true)
  );
  for (const { models } of chosen) {
    assertEquals(models.map(({ modelType }) => modelType), ["gpt2", "vit", "llama"]);
  }
  chosen.slice(1).forEach(({ models, batches: [batch] }, i) => {
    const before = chosen[i];
    models.forEach(({ name }, family) => {
      assert(
        parameters(name) >= parameters(before.models[family].name),
        `${name} after ${before.models[family].name}`,
      );
    });
    const grows = models.some(({ name }, family) => name !== before.models[family].name);
    assert(grows || batch > before.batches[0]);
  });
});

Deno.test("fittingSweep() counts what the user asked for: more policies and rounds take smaller models or longer", () => {
  const card = cards["a mid card"];
  const usual = fittingSweep(card, glance, glanceSeconds, true);
  const more = fittingSweep(card, { ...glance, rounds: 20, qualitySteps: 1000 }, glanceSeconds, true);
  assert(parameters(more.models[0].name) < parameters(usual.models[0].name));
  assert(more.seconds <= glanceSeconds);
  const untuned = fittingSweep(card, glance, glanceSeconds, false);
  assert(parameters(untuned.models[0].name) >= parameters(usual.models[0].name));
});

Deno.test("fittingSweep() gives the smallest model to a card on which nothing fits the time", () => {
  const { models, batches, seconds } = fittingSweep(
    { flops: 1e8, bytes: 1e8, memory: GiB },
    glance,
    60,
    false,
  );
  assertEquals([models.map(({ name }) => name), batches], [["nano"], [2]]);
  assert(seconds > 60);
});

// Milliseconds of a step measured on an H200 (reports of 2026-11-28) and, 16 × small, on an H100 (2026-11-24): both reach 46 TFLOP/s.
const measured: [model: string, batch: number, policy: string, milliseconds: number][] = [
  ["nano", 64, "exact", 1.84],
  ["micro", 16, "mesa8", 5.04],
  ["mini", 4, "exact", 12.1],
  ["mini", 16, "exact", 37.2],
  ["small", 4, "exact", 101],
  ["small", 16, "exact", 374],
  ["deit-tiny", 128, "exact", 39.9],
  ["deit-base", 128, "mesa8", 368],
];

Deno.test("stepSeconds() tells what was measured, within a fifth", () => {
  for (const [name, batch, policy, milliseconds] of measured) {
    const model = modelConfig(name);
    const step = { model, sequence: usualSequence(model), batch, policy: policyDocument(policy), seed: 0 };
    const seconds = stepSeconds(describeStep(step, gpuWith(typicalGpuLimits)), {
      flops: 46e12,
      bytes: 2.6e12,
    });
    const off = 1000 * seconds / milliseconds;
    assert(off > 0.8 && off < 1.2, `${name} at ${batch}: ${1000 * seconds} ms, not ${milliseconds}`);
  }
});

Deno.test("describeFitting() says what was found, what will be measured and how long it takes", () => {
  const card = cards["a mid card"];
  const policies = ["exact", "mesa8"].map(policyDocument);
  const text = describeFitting(card, { ...glance, policies }, {
    models: [modelConfig("mini"), modelConfig("deit-base")],
    batches: [8],
    seconds: 213,
  });
  assertStringIncludes(text, "10 TFLOP/s in a product, 400 GB/s in a copy, 8 GiB for buffers\n");
  assertStringIncludes(
    text,
    "mini, deit-base at batch 8 under exact, mesa8, 3 rounds: about 3 min 33 s",
  );
});
