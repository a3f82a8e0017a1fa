import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { categories } from "../../src/memory/category.ts";
import { modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { policyNames } from "../../src/storage/policies.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { liveStep } from "./live_step.ts";
import { tensorsAt } from "./peak_tensors.ts";

function atPeak(name: string, changes: Partial<TrainOptions>) {
  const model = modelConfig(name);
  const options = { model, sequence: usualSequence(model), batch: 2, policy: "exact", seed: 0, ...changes };
  const description = describeStep(options, gpuWith(typicalGpuLimits));
  return { plan: description.plan, tensors: tensorsAt(description, liveStep(description).peak.at) };
}

Deno.test("tensorsAt() tells all of the live peak but uniforms and padding, the largest first", () => {
  for (const name of ["nano", "llama-nano", "vit-nano"]) {
    for (const policy of policyNames) {
      for (const choices of [{}, { update: "backward", clipBy: "last", moments: "8bit" } as const]) {
        const { plan: { liveAtPeak }, tensors } = atPeak(name, { policy, ...choices });
        for (const category of categories) {
          const told = tensors.filter((one) => one.category === category).reduce(
            (sum, { bytes }) => sum + bytes,
            0,
          );
          assert(told <= liveAtPeak[category], `${name} ${policy} tells too much of ${category}`);
          const least = category === "control" ? 0 : 0.99 * liveAtPeak[category];
          assert(told >= least, `${name} ${policy} tells ${told} of ${liveAtPeak[category]} of ${category}`);
        }
        const sizes = tensors.map(({ bytes }) => bytes);
        assertEquals(sizes, sizes.toSorted((a, b) => b - a));
      }
    }
  }
});

Deno.test("tensorsAt() tells the buffers through which ranks exchange, and where there are none no such", () => {
  const exchanged = (ranks: number) => {
    const { plan, tensors } = atPeak("nano", { ranks });
    const control = tensors.filter(({ category }) => category === "control");
    const told = control.reduce((sum, { bytes }) => sum + bytes, 0);
    const names = control.map(({ name }) => name).filter((name) => name.startsWith("exchange: "));
    return { names, rest: plan.liveAtPeak.control - told, told };
  };
  const [alone, several] = [exchanged(1), exchanged(2)];
  assertEquals([alone.names, several.names.slice(0, 2)], [[], [
    "exchange: what leaves",
    "exchange: what arrives",
  ]]);
  // What is left are uniforms.
  assert(several.rest >= 0 && several.rest < 0.05 * several.told, `${several.rest} of ${several.told}`);
});

Deno.test("tensorsAt() sets what differs by its block alone together, and names the blocks", () => {
  const { tensors } = atPeak("llama-micro", { policy: "exact" });
  const { layers, width } = modelConfig("llama-micro");
  const all = Array.from({ length: layers }, (_, block) => block);
  const of = (name: string) => tensors.find((one) => one.name === name)!;
  assertObjectMatch(of("model.layers.*.self_attn.o_proj.weight"), {
    ...{ blocks: all, count: layers, category: "parameters", dtype: "f32", shape: [width, width] },
    bytes: layers * width * width * 4,
  });
  assertObjectMatch(of("model.embed_tokens.weight"), { blocks: [], count: 1 });
  assert(of("model.layers.*.mlp.swiglu_input").category === "saved");
});
