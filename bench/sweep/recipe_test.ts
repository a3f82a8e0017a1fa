import { assert, assertEquals, assertThrows } from "@std/assert";
import { learningRateAt, trainDefaults } from "../../src/train/options.ts";
import { UserError } from "../../src/errors.ts";
import type { ModelType } from "../../src/models/families.ts";
import { recipe } from "./recipe.ts";

Deno.test("recipe() trains texts at a constant rate, so that a run is the beginning of any longer one", () => {
  const { learningRate, weightDecay, clipNorm } = trainDefaults;
  for (const steps of [0, 16, 400]) {
    assertEquals(recipe({ modelType: "gpt2" }, steps), {
      learningRate,
      weightDecay,
      clipNorm,
      labelSmoothing: 0,
      schedule: null,
    });
  }
});

Deno.test("recipe() trains images as DeiT does: a tenth of warm-up, then a cosine to the last step", () => {
  const { learningRate, schedule, weightDecay, labelSmoothing } = recipe({ modelType: "vit" }, 95);
  assertEquals([learningRate, weightDecay, labelSmoothing], [2e-4, 0.05, 0.1]);
  assertEquals(schedule, { warmupSteps: 10, totalSteps: 95, minimumFraction: 0.01 });
  assertEquals(learningRateAt(10, learningRate, schedule!), learningRate);
  assertEquals(learningRateAt(95, learningRate, schedule!), learningRate * 0.01);
  assertEquals(recipe({ modelType: "vit" }, 0).schedule, null);
});

Deno.test("recipe() brings any model's rate to zero at the last step where it is told to, and changes nothing else", () => {
  for (const modelType of ["gpt2", "vit"] as const) {
    const { schedule, ...rest } = recipe({ modelType }, 95, { toZero: true });
    const { schedule: _, ...usual } = recipe({ modelType }, 95);
    assertEquals(rest, usual);
    assertEquals(learningRateAt(10, 1, schedule!), 1);
    assertEquals(learningRateAt(95, 1, schedule!), 0);
    assert(learningRateAt(94, 1, schedule!) > 0);
    assertEquals(recipe({ modelType }, 0, { toZero: true }).schedule, null);
  }
});

Deno.test("recipe() takes the rate that it is told, of any model, and changes nothing else", () => {
  for (const modelType of ["gpt2", "vit", "llama"] as const) {
    const usual = recipe({ modelType }, 95);
    assertEquals(recipe({ modelType }, 95, { learningRate: 3e-4 }), { ...usual, learningRate: 3e-4 });
  }
});

Deno.test("recipe() takes images as they are where it is told to, and says nothing of it to texts", () => {
  const plain = (modelType: ModelType) => recipe({ modelType }, 95, { augmentation: "none" });
  assertEquals(plain("vit"), { ...recipe({ modelType: "vit" }, 95), augmentation: "none" });
  assertEquals(plain("gpt2"), recipe({ modelType: "gpt2" }, 95));
});

Deno.test("recipe() takes a model of an unknown family for no other", () => {
  assertThrows(
    () => recipe({ modelType: "swin" as ModelType }, 20),
    UserError,
    'Unknown type of model "swin"',
  );
});
