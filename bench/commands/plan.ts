import { command, message, object } from "@optique/core";
import { z } from "zod";
import { type BuilderOptions, gpuWith, softwareWith, type Variants } from "../../src/gpu/builder.ts";
import { typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { categories, categoryName } from "../../src/memory/category.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyPresets } from "../../src/storage/policies.ts";
import { bytes } from "../../src/text/format.ts";
import { printJson } from "../../src/text/print_json.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { unusual } from "../../src/train/step_choices.ts";
import { variantsOfFile } from "../../src/tuning/tuned_variants.ts";
import {
  defaulted,
  jsonOption,
  stepOptions,
  storageOptions,
  sweepOptions,
  variantsOption,
  withStorageOptions,
} from "../options/options.ts";
import { word } from "../options/value_parsers.ts";
import { choiceFields } from "../results/results.ts";
import { bytesQuantity, type Comparison, type Quantity, sideBySide } from "../report/side_by_side.ts";
import { printable } from "../report/terminal.ts";
import { refuseBothSizes, refuseSameNames, shapes } from "../sweep/sweep.ts";
import { refuseIdle } from "../training/data.ts";

/** What a plan may be for, and what a page calls it. */
const adapters = {
  gpu: { title: "a current discrete GPU", builder: gpuWith(typicalGpuLimits) },
  software: { title: "a software adapter (llvmpipe)", builder: softwareWith(typicalSoftwareLimits) },
};

/** Subgroup matrices are a matter of the adapter, and of few bytes. */
const { arithmetic: _, ...planned } = stepOptions;

const options = object({
  ...sweepOptions,
  ...storageOptions,
  ...planned,
  adapter: defaulted(
    "--adapter",
    word("ADAPTER", ["gpu", "software"] as const),
    "gpu",
    message`The class of adapters whose kernels are planned`,
  ),
  variants: variantsOption,
  json: jsonOption,
});
const count = z.int().nonnegative();

/** What `plan --json` prints. */
export const plans = z.array(z.object({
  model: z.string(),
  sequence: count.describe("tokens of a sequence"),
  batch: count.describe("sequences of a step, or of each of its micro-batches"),
  policy: z.string(),
  ...choiceFields,
  savedBytes: count.describe("all saved activations, as they are stored"),
  livePeakBytes: count.describe("peak of live tensors"),
  liveAtPeak: z.record(z.enum(categories), count).describe("bytes by category at that instant"),
  bufferBytes: count.describe("bytes of the buffers that hold the tensors"),
  largestBufferBytes: count,
  adapterClass: z.enum(["gpu", "software"]),
  maxBufferSize: count,
  maxStorageBufferBindingSize: count,
  variants: z.string().nullable().describe("the file that sets variants of kernels"),
})).meta({ title: "Plans", description: "The memory of training steps, one policy at one size each" });

const brief = message`Print the memory of a training step without an adapter`;

export const plan = command("plan", options, { brief }).map((o) => () => {
  const given = orElse(o.policies, Object.values(policyPresets));
  const policies = given.map((document) => withStorageOptions(document, o));
  refuseSameNames("policies", policies);
  const { title, builder } = adapters[o.adapter];
  const models = orElse(o.models, [modelConfig("nano")]);
  refuseBothSizes(o);
  refuseIdle(models, { sequences: o.sequences });
  const all = shapes(models, o.sequences, orElse(o.batches, [4]), o);
  const choices = unusual(o);
  const steps = all.flatMap((shape) => policies.map((policy) => ({ ...shape, ...choices, policy, seed: 0 })));
  const programs = steps.map((step) => (variants?: Variants) => describeStep({ ...step, variants }, builder));
  const variants = o.variants ? variantsOfFile(o.variants, programs) : [];
  const plans = programs.map((describe, i) => describe(variants[i]).plan);
  const comparisons = all.map((shape, i) => ({
    ...shape,
    model: shape.model.name,
    choices,
    cells: new Map(policies.map(({ name }, j) => [name, plans[i * policies.length + j]])),
  }));
  if (o.json) {
    const of = { ...fieldsOf(builder), variants: o.variants ?? null };
    printJson(comparisons.flatMap(plain).map((one) => ({ ...one, ...of })) satisfies z.infer<typeof plans>);
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

function plain({ model, sequence, batch, choices, cells }: Comparison<MemoryPlan>) {
  return [...cells].map((
    [policy, { savedBytes, livePeakBytes, liveAtPeak, bufferBytes, largestBufferBytes }],
  ) => ({
    model,
    sequence,
    batch,
    policy,
    ...choices,
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
