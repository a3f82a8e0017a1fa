import { assert, assertEquals } from "@std/assert";
import { matmulKey, parseMatmulKey } from "../../kernels/products/matmul_choice.ts";
import { likelyChoices, mostSplits } from "../../kernels/products/matmul_table.ts";
import { variantName } from "../../kernels/products/matmul_variant.ts";
import { gpuWith, type ProgramDescription } from "../gpu/builder.ts";
import { fullName } from "../gpu/kernel.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { describeByTables } from "../gpu/within_peak.ts";
import { modelConfig, usualSequence } from "../models/model_config.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { policyNames } from "../storage/policies.ts";
import { describeGradients } from "./describe.ts";
import { policyOf } from "./options.ts";
import { describeStep, leastOfStep } from "./plan_training.ts";
import { taskOf } from "./task_of.ts";

const adapter = gpuWith(typicalGpuLimits);

/** Variants that cut every contraction of a step into so many parts. */
function inParts(keys: readonly string[], parts: number): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => {
    const product = parseMatmulKey(key);
    if (!product) return [];
    const [{ variant }] = likelyChoices(adapter, product.sizes);
    return [[
      matmulKey(product.product, product.sizes),
      variantName(variant) + (parts > 1 ? `/${parts}` : ""),
    ]];
  }));
}

for (const policy of policyNames) {
  Deno.test(`No variant raises the live peak of a step under ${policy}, and some take parts below it`, () => {
    for (const [name, batch] of [["micro", 16], ["vit-nano", 8]] as const) {
      const model = modelConfig(name);
      const sequence = model.modelType === "gpt2" ? 256 : 65;
      const options = { model, sequence, batch, policy, seed: 0 };
      const keys = Object.keys(describeStep(options, adapter).variants);
      const step = (parts: number) => describeStep({ ...options, variants: inParts(keys, parts) }, adapter);
      const sums = ({ dispatches }: ProgramDescription) =>
        dispatches.filter(({ kernel }) => kernel.label === "sum_parts").length;
      const byTable = describeStep(options, adapter);
      for (const parts of [2, 8, mostSplits]) {
        const cut = step(parts);
        // A dispatch more, which adds up parts, has a uniform block of 256 bytes.
        const most = byTable.plan.livePeakBytes + 256 * (cut.dispatches.length - byTable.dispatches.length);
        assert(cut.plan.livePeakBytes <= most, `${name} in ${parts}: ${cut.plan.livePeakBytes} over ${most}`);
        assert(sums(cut) > 0, `${name} in ${parts}: nothing was cut into parts`);
      }
      assertEquals(sums(step(1)), 0);
    }
  });
}

Deno.test("A program of gradients takes a training step's kernels, where every tensor is kept too", () => {
  const options = { model: modelConfig("micro"), sequence: 256, batch: 16, policy: "mesa8", seed: 0 };
  const variants = inParts(Object.keys(describeStep(options, adapter).variants), mostSplits);
  const task = taskOf(options);
  const kernels = ({ dispatches }: ProgramDescription) =>
    dispatches.map(({ kernel, parameters, workgroups }) => [fullName(kernel), parameters, workgroups]);
  const step = kernels(describeStep({ ...options, variants }, adapter));
  for (const keepAll of [false, true]) {
    const parameters = new ParameterSet(task.parameters, adapter.limits);
    const builderOptions = { ...adapter, variants, keepAll };
    const gradients = kernels(describeGradients(task, parameters, policyOf(options), builderOptions));
    assertEquals(gradients, step.slice(0, gradients.length));
    assert(gradients.length > 0.9 * step.length);
  }
});

Deno.test("leastOfStep() is what lives at the peak of a step's plan, but for the uniform blocks of what is written out", () => {
  for (const [name, batch] of [["micro", 16], ["vit-nano", 8], ["llama-nano", 4]] as const) {
    const model = modelConfig(name);
    const options = { model, sequence: usualSequence(model), batch, seed: 0 };
    for (const policy of policyNames) {
      const step = describeStep({ ...options, policy }, adapter);
      const { dispatches } = describeStep({ ...options, policy }, adapter, describeByTables);
      const least = leastOfStep({ ...options, policy }, adapter);
      const written = step.dispatches.length - dispatches.length;
      assert(written > 0, `${name} under ${policy}: nothing is written out`);
      assertEquals(least.bufferBytes + 256 * written, step.plan.livePeakBytes, `${name} under ${policy}`);
      assert(least.largestBufferBytes <= step.plan.largestBufferBytes);
    }
  }
});

Deno.test("What attention in f16 writes as halves hardly raises the buffers of a long sequence, where it lives below the peak", () => {
  const model = { ...modelConfig("small"), positions: 32768 };
  const step = { model, sequence: 32768, batch: 1, policy: "mst", seed: 0, arithmetic: "f16" } as const;
  const [without, within] = [describeStep(step, adapter, describeByTables), describeStep(step, adapter)];
  const halves = within.dispatches.filter(({ kernel, operator, first }) =>
    kernel.label === "scaled_halves" && operator === "attention" && !first
  );
  assert(halves.length > 90, `${halves.length} halves`);
  const [before, after] = [without, within].map(({ plan }) => plan.bufferBytes);
  assert(after < 1.01 * before, `${after} bytes for ${before}`);
});
