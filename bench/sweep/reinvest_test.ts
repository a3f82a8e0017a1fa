import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { gpuWith, softwareWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { type ModelConfig, modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { profiles } from "./profiles.ts";
import { budgets, investments, refuseUnreinvestable } from "./reinvest.ts";

const adapter = softwareWith(typicalSoftwareLimits);
const options = {
  ...profiles.reinvest("software"),
  sequences: [64],
  batches: [16],
  policies: ["exact", "mesa8", "recompute8"].map(policyDocument),
};
const bytesOf = (model: ModelConfig, batch: number, policy: string) =>
  describeStep({ model, sequence: 64, batch, policy, seed: 0 }, adapter).plan.bufferBytes;
const nano = modelConfig("nano");

Deno.test("budgets() finds the largest batch, depth and width that `exact`'s buffers hold, of which the next does not fit", async () => {
  const [{ found, arms }, ...others] = await budgets(options, adapter);
  assertEquals(others, []);
  const budget = bytesOf(nano, 16, "exact");
  assertEquals([found.model, found.batch, found.sequence, found.budgetBytes], ["nano", 16, 64, budget]);
  assertEquals(
    found.found.map(({ policy, into }) => [policy, into]),
    ["mesa8", "recompute8"].flatMap((policy) => investments.map((into) => [policy, into])),
  );
  const perHead = nano.width / nano.heads;
  for (const { policy, into, size, bufferBytes, next } of found.found) {
    const bytes = (size: number) =>
      into === "batch"
        ? bytesOf(nano, size, policy)
        : into === "depth"
        ? bytesOf({ ...nano, layers: size }, 16, policy)
        : bytesOf({ ...nano, width: size, heads: size / perHead }, 16, policy);
    assertEquals(next.size, into === "width" ? size + perHead : size + 1);
    assertEquals([bufferBytes, next.wantedBytes], [bytes(size), bytes(next.size)], `${policy} ${into}`);
    assert(bufferBytes! <= budget && next.wantedBytes! > budget, `${policy} ${into}`);
  }
  const of = (policy: string, into: string) =>
    found.found.find((one) => one.policy === policy && one.into === into)!.size;
  assert(
    of("mesa8", "batch") > 32 && of("mesa8", "depth") > nano.layers &&
      of("recompute8", "depth") > nano.layers,
  );
  for (const { model, batch, policy, into, learningRate } of arms) {
    const grown = { batch, depth: model.layers, width: model.width };
    if (into) assertEquals(grown[into], of(policy.name, into));
    assertAlmostEquals(learningRate, 1e-3 * Math.sqrt(batch / 16) * nano.width / model.width, 1e-15);
  }
});

Deno.test("budgets() begins with each policy at exact's size, `exact` first, and makes no arm of what has not grown", async () => {
  const reordered = ["mesa8", "exact"].map(policyDocument);
  const of = async (batch: number) => {
    const [{ arms, found }] = await budgets({ ...options, policies: reordered, batches: [batch] }, adapter);
    return { arms: arms.map(({ policy, into }) => [policy.name, into]), found };
  };
  const small = await of(1);
  assertEquals(small.arms.slice(0, 2), [["exact", undefined], ["mesa8", undefined]]);
  const grown = small.found.found.filter(({ into, size }) =>
    size > { batch: 1, depth: nano.layers, width: nano.width }[into]
  );
  assertEquals(small.arms.slice(2), grown.map(({ policy, into }) => [policy, into]));
  assert(grown.length < 3, "one sequence saves too little for another layer");
  assert((await of(16)).arms.length > small.arms.length);
});

Deno.test("budgets() goes by the step's own choices, and by tokens of a step in place of batches", async () => {
  const batchOf = async (changes: object) => {
    const [{ found, shape }] = await budgets({ ...options, ...changes }, adapter);
    return [shape.batch, found.found[0].size, found.budgetBytes, found.update];
  };
  const [, usual, bytes] = await batchOf({});
  const [, , less, update] = await batchOf({ update: "backward", clipBy: "last" });
  assertEquals([less! < bytes!, update], [true, "backward"]);
  assertEquals(await batchOf({ batches: [], tokens: 16 * 64 }), [16, usual, bytes, undefined]);
});

Deno.test("budgets() refuses a step of `exact` that cannot be planned", async () => {
  const tiny = gpuWith({ ...typicalGpuLimits, maxStorageBufferBindingSize: 2 ** 12 });
  await assertRejects(() => budgets(options, tiny), UserError, "is more than can be planned");
});

Deno.test("On a GPU every policy of the profile affords more of each kind, at every model that is trained", async () => {
  const gpu = profiles.reinvest("gpu");
  const models = gpu.models.filter(({ name }) => !gpu.reinvest!.timedOnly.includes(name));
  assertEquals(models.map(({ name }) => name), ["nano", "micro", "mini"]);
  for (const { found, arms, shape } of await budgets({ ...gpu, models }, gpuWith(typicalGpuLimits))) {
    assertEquals(arms.length, 4 + found.found.length, shape.model.name);
  }
});

Deno.test("refuseUnreinvestable() refuses what has no budget to spend, and options that do nothing", () => {
  refuseUnreinvestable(options);
  const cases: [changes: Partial<Parameters<typeof refuseUnreinvestable>[0]>, why: string][] = [
    [{ policies: ["exact"].map(policyDocument) }, "give --policy exact and others"],
    [{ policies: ["mesa8", "token8"].map(policyDocument) }, "give --policy exact and others"],
    [{ memory: 2 ** 30 }, "--memory does nothing"],
    [{ precision: 0.01 }, "--precision does nothing"],
    [{ variants: "variants.json" }, "--variants sets kernels otherwise"],
    [{ gradientEvery: 5 }, "--gradient-every does nothing"],
  ];
  for (const [changes, why] of cases) {
    assertThrows(() => refuseUnreinvestable({ ...options, ...changes }), UserError, why);
  }
});
