import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { allFamilies } from "../../src/models/families.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { stepSeconds } from "./fitting_sweep.ts";
import { profiles } from "./profiles.ts";
import { type Shape, shapes } from "./shapes.ts";
import { planSweep } from "./sweep.ts";

const adapters = ["gpu", "software"] as const;
const shapesOf = (adapter: typeof adapters[number]) => {
  const options = profiles.grid(adapter);
  return shapes(options.models, options.sequences, options.batches, options);
};

Deno.test("grid covers every family, and of text and images more than one batch, of text more than one length", () => {
  for (const adapter of adapters) {
    const byModel = Map.groupBy(shapesOf(adapter), ({ model }) => model);
    const types = new Set([...byModel.keys()].map(({ modelType }) => modelType));
    assertEquals(types, new Set(allFamilies.map(({ modelType }) => modelType)));
    const varies = (modelType: string, size: "sequence" | "batch") =>
      [...byModel].some(([model, all]) =>
        model.modelType === modelType && new Set(all.map((shape) => shape[size])).size > 1
      );
    assert(varies("gpt2", "sequence") && varies("gpt2", "batch") && varies("vit", "batch"), adapter);
  }
  const names = profiles.grid("gpu").models.map(({ name }) => name);
  const wanted = [
    "micro",
    "mini",
    "small",
    "vit-micro",
    "deit-small",
    "deit-base",
    "llama-micro",
    "llama-1b",
  ];
  assertEquals(names, wanted);
});

Deno.test("grid takes each model at its own sizes, and those that are told in their place", () => {
  const brief = (all: Shape[]) =>
    all.map(({ model, batch, sequence }) => `${model.name} ${batch}x${sequence}`);
  const options = profiles.grid("gpu");
  const cells = planSweep({ ...options, models: ["small", "llama-1b", "nano"].map(modelConfig) });
  const sizes = new Set(cells.map(({ model, batch, sequence }) => `${model} ${batch}x${sequence}`));
  assertEquals([...sizes], [
    ...["small 4x256", "small 16x256", "small 4x1024", "small 16x1024"],
    ...["llama-1b 1x1024", "llama-1b 4x1024", "nano 4x128"],
  ]);
  const models = [modelConfig("small")];
  assertEquals(brief(shapes(models, options.sequences, [2])), ["small 2x256", "small 2x1024"]);
  assertEquals(brief(shapes(models, options.sequences, options.batches, { tokens: 2048 })), [
    ...["small 8x256", "small 2x1024"],
  ]);
});

/** A card of H100's class: what its product and copy reach in f32, and what a driver leaves of 80 GB. */
const card = { flops: 45e12, bytes: 3e12, memory: 78 * 2 ** 30 };
/** Seconds until the first step of a process: what committed reports have of small models, and room for large ones. */
const setUp = 3;

Deno.test("Every cell of grid fits a card of 80 GB, and by its plan the grid takes about 25 minutes of one", () => {
  const { policies, warmup, steps, rounds } = profiles.grid("gpu");
  let seconds = 5 * 60; // of tuning
  for (const shape of shapesOf("gpu")) {
    for (const policy of policies) {
      const step = describeStep({ ...shape, policy, seed: 0 }, gpuWith(typicalGpuLimits));
      assert(step.plan.bufferBytes < card.memory, `${shape.model.name} does not fit under ${policy.name}`);
      seconds += rounds * (setUp + (warmup + steps) * stepSeconds(step, card));
    }
  }
  assert(seconds > 20 * 60 && seconds < 27 * 60, `${Math.round(seconds)} s`);
});
