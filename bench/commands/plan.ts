import { command, message, object } from "@optique/core";
import { z } from "zod";
import { runtimes } from "../../src/adapter/runtime.ts";
import { UserError } from "../../src/errors.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { replaceText } from "../../src/io/files.ts";
import { categories, categoryName } from "../../src/memory/category.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyPresets } from "../../src/storage/policies.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { bytes } from "../../src/text/format.ts";
import { printJson } from "../../src/text/print_json.ts";
import { describeChoices, unusual } from "../../src/train/step_choices.ts";
import {
  allWithStorageOptions,
  file,
  jsonOption,
  maybe,
  rankOptions,
  stepOptions,
  storageOptions,
  sweepOptions,
  variantsOption,
  withStorageOptions,
} from "../options/options.ts";
import { word } from "../options/value_parsers.ts";
import { count } from "../results/numbers.ts";
import { detailText } from "../plan/detail_text.ts";
import { liveStep } from "../plan/live_step.ts";
import { beyondLimits, idleRules, type PlannedStep, planSteps } from "../plan/planned_steps.ts";
import { drawSteps } from "../plan/step_chart.ts";
import { detailOf, stepDetail } from "../plan/step_detail.ts";
import { choiceFields } from "../results/results.ts";
import { bytesQuantity, type Comparison, names, type Quantity, sideBySide } from "../report/side_by_side.ts";
import { printable } from "../report/terminal.ts";
import { plannedAdapterNames, plannedFor } from "../sweep/planned_adapters.ts";
import { refuseBothSizes, refuseSameNames, shapes } from "../sweep/shapes.ts";
import { refuseIdle } from "../training/data.ts";

const options = object({
  ...sweepOptions({ model: "nano", batch: "4", policy: "all presets" }),
  ...storageOptions,
  ...stepOptions,
  ...rankOptions,
  adapter: maybe(
    "--adapter",
    word("ADAPTER", plannedAdapterNames),
    message`The kind of adapters whose kernels are planned; left out, gpu, or what --runtime says`,
  ),
  runtime: maybe(
    "--runtime",
    word("RUNTIME", runtimes),
    message`What would execute WebGPU: ${"native"}, Deno itself, or ${"dawn"}, which has subgroup matrices; left out, native`,
  ),
  variants: variantsOption,
  chart: maybe(
    "--chart",
    file,
    message`Draw what is live over the step as an SVG file, one picture a policy and size`,
  ),
  json: jsonOption,
});

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
  detail: stepDetail.optional().describe(
    "what is live over the step, where one policy at one size is planned",
  ),
})).meta({ title: "Plans", description: "The memory of training steps, one policy at one size each" });

const brief =
  message`Print the memory of a training step without an adapter: of one policy at one size, dispatch by dispatch`;

export const plan = command("plan", options, { brief }).map((o) => async () => {
  if (o.chart?.endsWith(".svg") === false) {
    throw new UserError(`${o.chart} would hold SVG; give --chart a FILE.svg`);
  }
  const withStorage = (document: PolicyDocument) => withStorageOptions(document, o);
  const policies = allWithStorageOptions(orElse(o.policies, Object.values(policyPresets)), o);
  refuseSameNames("policies", policies);
  const { title, builder } = plannedFor(o);
  const models = orElse(o.models, [modelConfig("nano")]);
  refuseBothSizes(o);
  refuseIdle(models, { sequences: o.sequences });
  const all = shapes(models, o.sequences, orElse(o.batches, [4]), o);
  const choices = unusual(o);
  const steps = all.flatMap((shape) => policies.map((policy) => ({ ...shape, ...choices, policy, seed: 0 })));
  const found = planSteps(steps, builder, title, o.variants);
  const comparisons = all.map(({ model, sequence, batch }) => ({
    ...{ model: model.name, sequence, batch, choices },
    cells: new Map(
      found.planned.filter(({ options }) =>
        options.model === model && options.sequence === sequence && options.batch === batch
      ).map(({ options, description }) => [options.policy.name, description.plan]),
    ),
  })).filter(({ cells }) => cells.size > 0);
  const notes = [...beyondLimits(found, builder, title), ...idleRules(found.planned)];
  const [{ options: one, description }] = found.planned;
  const alone = steps.length === 1
    ? detailOf(one, description, builder, { withStorage, tokensGiven: o.tokens !== undefined })
    : undefined;
  const written = o.chart === undefined ? [] : [`Written: ${o.chart}`];
  if (o.chart !== undefined) await replaceText(o.chart, await drawn(found.planned, title));
  if (o.json) {
    const of = { ...fieldsOf(builder), variants: o.variants ?? null, ...alone && { detail: alone.detail } };
    printJson(comparisons.flatMap(plain).map((one) => ({ ...one, ...of })) satisfies z.infer<typeof plans>);
    for (const line of [...notes, ...written]) console.error(line);
    return 0;
  }
  const binding = bytes(builder.limits.maxStorageBufferBindingSize);
  const source = o.variants ? `as ${o.variants} sets them` : "by the kernels' tables";
  const told = describeChoices(o);
  const whose = o.ranks && o.ranks > 1 ? `; of ${o.ranks} ranks the first, which has the most` : "";
  const assumed = [`variants of kernels ${source}`, ...told.length ? [told.join(", ")] : []].join("; ");
  console.log(`Planned for ${title}, bindings of at most ${binding}; ${assumed}${whose}\n`);
  console.log(printable(sideBySide(comparisons, quantities) ?? ""));
  if (alone) console.log(`\n${detailText(alone.step, alone.detail, one)}`);
  for (const line of [...notes, ...written]) console.log(`\n${printable(line)}`);
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

/** A picture of steps. */
const drawn = (steps: readonly PlannedStep[], adapter: string): Promise<string> =>
  drawSteps(
    steps.map(({ options, description }) => {
      const { model, sequence, batch, accumulate, policy } = options;
      const comparison = { model: model.name, sequence, batch, choices: { accumulate }, cells: new Map() };
      const [name, tokens] = names(comparison);
      return {
        model: name,
        policy: policy.name,
        subtitle: [`${tokens} tokens`, ...describeChoices(options)].join("; "),
        step: liveStep(description),
        bufferBytes: description.plan.bufferBytes,
      };
    }),
    adapter,
  );

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
