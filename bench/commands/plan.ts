import { command, message, object, option } from "@optique/core";
import { type BuilderOptions, gpuWith, softwareWith, type Variants } from "../../src/gpu/builder.ts";
import { typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { categories, categoryName } from "../../src/memory/category.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyPresets } from "../../src/storage/policies.ts";
import { bytes } from "../../src/text/format.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { variantsOfFile } from "../../src/tuning/tuned_variants.ts";
import {
  defaulted,
  storageOptions,
  sweepOptions,
  variantsOption,
  withStorageOptions,
} from "../options/options.ts";
import { word } from "../options/value_parsers.ts";
import { bytesQuantity, type Comparison, type Quantity, sideBySide } from "../report/side_by_side.ts";
import { printable } from "../report/terminal.ts";
import { refuseBothSizes, refuseSameNames, shapes } from "../sweep/sweep.ts";
import { refuseIdle } from "../training/data.ts";

/** What a plan may be for, and what a page calls it. */
const adapters = {
  gpu: { title: "a current discrete GPU", builder: gpuWith(typicalGpuLimits) },
  software: { title: "a software adapter (llvmpipe)", builder: softwareWith(typicalSoftwareLimits) },
};

const options = object({
  ...sweepOptions,
  ...storageOptions,
  adapter: defaulted(
    "--adapter",
    word("ADAPTER", ["gpu", "software"] as const),
    "gpu",
    message`The class of adapters whose kernels are planned`,
  ),
  variants: variantsOption,
  json: option("--json", { description: message`Print the plans as JSON, sizes in bytes` }),
});
const brief = message`Print the memory of a training step without an adapter`;

export const plan = command("plan", options, { brief }).map((o) => () => {
  const given = orElse(o.policies, Object.values(policyPresets));
  const policies = given.map((document) => withStorageOptions(document, o));
  refuseSameNames("policies", policies);
  const { title, builder } = adapters[o.adapter];
  const models = orElse(o.models, [modelConfig("nano")]);
  refuseBothSizes(o);
  refuseIdle(models, { sequences: o.sequences });
  const all = shapes(models, o.sequences, orElse(o.batches, [4]), o.tokens);
  const steps = all.flatMap((shape) => policies.map((policy) => ({ ...shape, policy, seed: 0 })));
  const programs = steps.map((step) => (variants?: Variants) => describeStep({ ...step, variants }, builder));
  const variants = o.variants ? variantsOfFile(o.variants, programs) : [];
  const plans = programs.map((describe, i) => describe(variants[i]).plan);
  const comparisons = all.map((shape, i) => ({
    ...shape,
    model: shape.model.name,
    cells: new Map(policies.map(({ name }, j) => [name, plans[i * policies.length + j]])),
  }));
  if (o.json) {
    const of = { ...fieldsOf(builder), variants: o.variants ?? null };
    console.log(JSON.stringify(comparisons.flatMap(plain).map((one) => ({ ...one, ...of })), null, 2));
    return 0;
  }
  const binding = bytes(builder.limits.maxStorageBufferBindingSize);
  const source = o.variants ? `as ${o.variants} sets them` : "by the kernels' tables";
  console.log(`Planned for ${title}, bindings of at most ${binding}; variants of kernels ${source}\n`);
  console.log(printable(sideBySide(comparisons, quantities) ?? ""));
  return 0;
});

const quantities: Quantity<MemoryPlan>[] = [
  bytesQuantity("saved activations", (plan) => plan.savedBytes),
  ...categories.map((category) =>
    bytesQuantity(`peak: ${categoryName(category)}`, (plan: MemoryPlan) => plan.liveAtPeak[category] || null)
  ),
  bytesQuantity("live peak", (plan) => plan.livePeakBytes),
  bytesQuantity("buffers", (plan) => plan.bufferBytes),
];

const fieldsOf = (
  { adapterClass, limits: { maxBufferSize, maxStorageBufferBindingSize } }: BuilderOptions,
) => ({
  adapterClass,
  maxBufferSize,
  maxStorageBufferBindingSize,
});

function plain({ model, sequence, batch, cells }: Comparison<MemoryPlan>) {
  return [...cells].map((
    [policy, { savedBytes, livePeakBytes, liveAtPeak, bufferBytes, largestBufferBytes }],
  ) => ({
    model,
    sequence,
    batch,
    policy,
    savedBytes,
    livePeakBytes,
    liveAtPeak,
    bufferBytes,
    largestBufferBytes,
  }));
}

function orElse<T>(values: readonly T[], fallback: readonly T[]): readonly T[] {
  return values.length ? values : fallback;
}
