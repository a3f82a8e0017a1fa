import { assertEquals } from "@std/assert";
import { modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { PlannedOptions } from "./lower_peak.ts";
import { smallerModel, smallerSizes } from "./smaller.ts";

const step = (name: string, changes: Partial<PlannedOptions> = {}): PlannedOptions => {
  const model = modelConfig(name);
  const sequence = usualSequence(model);
  return { model, sequence, batch: 1, policy: policyDocument("exact"), seed: 0, ...changes };
};

Deno.test("smallerSizes() names the sizes that can be smaller, and no others", () => {
  const rows: [PlannedOptions, string][] = [
    [step("nano", { batch: 2 }), "a smaller --batch or --sequence"],
    [step("nano"), "a smaller --sequence"],
    [step("nano", { batch: 2, sequence: 1 }), "a smaller --batch"],
    [step("nano", { sequence: 1 }), "a smaller model"],
    [step("nano", { sequence: 4, ranks: 4 }), "a smaller model"],
    [step("nano", { sequence: 1, batch: 4, ranks: 4, spread: "batch" }), "a smaller model"],
    [step("vit-nano", { batch: 2 }), "a smaller --batch, or a model of smaller images or larger patches"],
    [step("vit-nano"), "a model of smaller images or larger patches"],
  ];
  for (const [options, words] of rows) assertEquals(smallerSizes(options), words);
});

Deno.test("smallerModel() names a sequence where it can be shorter, and of images what makes fewer tokens of them", () => {
  assertEquals(smallerModel(step("llama-nano")), "a smaller --sequence or model");
  assertEquals(smallerModel(step("llama-nano", { sequence: 1 })), "a smaller model");
  assertEquals(smallerModel(step("llama-nano", { sequence: 2, ranks: 2 })), "a smaller model");
  assertEquals(
    smallerModel(step("vit-nano", { batch: 2 })),
    "a smaller model, or one of smaller images or larger patches",
  );
});
