import { command, message, object, option } from "@optique/core";
import { categories, categoryName } from "../../src/memory/category.ts";
import type { MemoryPlan } from "../../src/memory/plan.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyPresets } from "../../src/storage/policies.ts";
import { planTraining } from "../../src/train/plan_training.ts";
import { storageOptions, sweepOptions, withStorageOptions } from "../options/options.ts";
import { bytesQuantity, type Comparison, type Quantity, sideBySide } from "../report/side_by_side.ts";
import { refuseSameNames, shapes } from "../sweep/sweep.ts";

const options = object({
  ...sweepOptions,
  ...storageOptions,
  json: option("--json", { description: message`Print the plans as JSON, sizes in bytes` }),
});
const brief = message`Print the memory of a training step without an adapter`;

export const plan = command("plan", options, { brief }).map((o) => () => {
  const given = orElse(o.policies, Object.values(policyPresets));
  const policies = given.map((document) => withStorageOptions(document, o));
  refuseSameNames("policies", policies);
  const all = shapes(orElse(o.models, [modelConfig("nano")]), o.sequences, orElse(o.batches, [4]));
  const comparisons = all.map((shape) => ({
    ...shape,
    model: shape.model.name,
    cells: new Map(
      policies.map((policy) => [policy.name, planTraining({ ...shape, policy, seed: 0 })]),
    ),
  }));
  console.log(
    o.json ? JSON.stringify(comparisons.flatMap(plain), null, 2) : sideBySide(comparisons, quantities),
  );
  return Promise.resolve(0);
});

const quantities: Quantity<MemoryPlan>[] = [
  bytesQuantity("saved activations", (plan) => plan.savedBytes),
  ...categories.map((category) =>
    bytesQuantity(`peak: ${categoryName(category)}`, (plan: MemoryPlan) => plan.liveAtPeak[category] || null)
  ),
  bytesQuantity("live peak", (plan) => plan.livePeakBytes),
  bytesQuantity("buffers", (plan) => plan.bufferBytes),
];

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
