import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { parsePolicy } from "../../src/storage/policy_document.ts";
import { type StepChoices, unusual } from "../../src/train/step_choices.ts";
import { recipe } from "./recipe.ts";
import { type CellConfiguration, keyOf, modelOf } from "../results/results.ts";
import { planSweep } from "./sweep.ts";
import type { SweepOptions } from "./sweep_options.ts";
import { asTold, brief, growing, models, options, policy } from "./sweep_testing.ts";

Deno.test("planSweep() runs the policies of a comparison in turn, there and back, and measures quality once", () => {
  const cells = planSweep({ ...options, batches: [2, 4] });
  assertEquals(cells.map(brief), ["2 A 0", "2 B 0", "2 B 1", "2 A 1", "4 A 0", "4 B 0", "4 B 1", "4 A 1"]);
  assertEquals(cells.slice(0, 4).map((cell) => cell.qualitySteps), [7, 7, 0, 0]);
  assertEquals(cells.map((cell) => cell.storage.name), cells.map((cell) => cell.policy));
});

Deno.test("planSweep() runs each size by each number of ranks, of which one has nothing to part", () => {
  const parted = { spread: "batch", sharding: "moments" } as const;
  const told = { ...options, rounds: 1, gradientEvery: 3, ...parted, rankCounts: [1, 2] };
  assertEquals(
    planSweep({ ...told, batches: [2, 4] }).map((cell) => [brief(cell), unusual(cell), cell.gradientEvery]),
    [2, 4].flatMap((batch) =>
      [{}, { ranks: 2, ...parted }].flatMap((choices) =>
        ["A", "B"].map((policy) => [`${batch} ${policy} 0`, choices, 3])
      )
    ) as [string, StepChoices, number][],
  );
});

Deno.test("planSweep() times the first cell once more at the end where rounds are three or more", () => {
  const plan = (rounds: number) => planSweep({ ...options, batches: [2, 4], gradientEvery: 3, rounds });
  assertEquals(plan(2).filter(({ again }) => again), []);
  const cells = plan(3);
  const last = { ...cells[0], qualitySteps: 0, gradientEvery: 0, round: 3, again: true };
  assertEquals(cells.at(-1), last as CellConfiguration);
  assertEquals(new Set(cells.map(keyOf)).size, 13);
});

Deno.test("planSweep() runs exact by other variants beside the policies, where the null of chaos is asked for, from the same seeds", () => {
  const policies = ["exact", "mesa8"].map(policyDocument);
  const cells = planSweep({ ...options, policies, seeds: 2, nullOfChaos: true });
  const name = "exact-other-variants";
  assertEquals(cells.map(({ policy }) => policy), ["exact", "mesa8", name, name, "mesa8", "exact"]);
  for (const [exact, , other] of [cells.slice(0, 3), cells.slice(3).reverse()]) {
    const { kernels, storage, policy, ...rest } = other;
    assertEquals([kernels, policy, storage], ["other", name, { ...policyDocument("exact"), name }]);
    const { storage: _, policy: __, ...own } = exact;
    assertEquals(rest, own);
  }
  assertEquals(
    planSweep({ ...options, policies, nullOfChaos: false }).map(({ kernels }) => kernels)[0],
    undefined,
  );
  assertEquals(planSweep({ ...options, nullOfChaos: true }).length, 4, "without exact there is none");
  assertThrows(
    () => planSweep({ ...options, policies: [...policies, policy(name)], nullOfChaos: true }),
    UserError,
    `Two policies are called "${name}"`,
  );
});

Deno.test("planSweep() runs policies by other choices beside them, from the same seeds", () => {
  const policies = ["exact", "mesa8"].map(policyDocument);
  const backward = { moments: "8bit", update: "backward", clipBy: "last" } as const;
  const combinations = [
    { name: "in f16", policy: "exact", choices: { arithmetic: "f16" } },
    { name: "backward", policy: "mesa8", choices: backward },
  ] as const;
  const cells = planSweep({ ...options, policies, gradientEvery: 3, combinations });
  const choices = cells.map(({ policy, ...cell }) => [policy, unusual(cell)]).slice(0, 4);
  const wanted = combinations.map(({ name, choices }) => [name, choices]);
  assertEquals(choices, [["exact", {}], ["mesa8", {}], ...wanted]);
  assertEquals(cells[3].storage, { ...policyDocument("mesa8"), name: "backward" });
  assertEquals(cells.slice(0, 3).map(({ beside }) => beside), [undefined, undefined, {}]);
  const all = planSweep({ ...options, policies, clipBy: "last", combinations });
  assertEquals(all[2].beside, { clipBy: "last" }, "the sweep's own choices");
  const compared = cells.slice(0, 4).map(({ gradientEvery }) => gradientEvery);
  assertEquals(compared, [0, 3, 3, 0], "the reference is exact in f32, and moments change no gradient");
  assertEquals(cells[3].seed, cells[0].seed);
  const trained = (more: Partial<SweepOptions>) =>
    planSweep({ ...options, policies, gradientEvery: 3, combinations, ...more })
      .slice(0, 4).map(({ qualitySteps }) => qualitySteps);
  assertEquals(trained({}), [7, 7, 7, 7]);
  assertEquals(trained({ frontier: { most: 9 } }), [7, 7, 7, 0], "a frontier trains for gradients alone");
  const one = planSweep({ ...options, policies: [policyDocument("mesa8")], combinations });
  assertEquals(
    one.map(({ policy }) => policy).slice(0, 2),
    ["mesa8", "backward"],
    "exact is left out, and what is made of it",
  );
});

Deno.test("planSweep() takes combinations of each model and size by themselves", () => {
  const policies = [policyDocument("exact")];
  const cells = planSweep(
    { ...options, policies, batches: [1, 2], rounds: 1 },
    undefined,
    ({ batch }) => batch === 2 ? [{ name: "8 bits", policy: "exact", choices: { moments: "8bit" } }] : [],
  );
  assertEquals(cells.map(({ batch, policy }) => [batch, policy]), [[1, "exact"], [2, "exact"], [
    2,
    "8 bits",
  ]]);
});

Deno.test("planSweep() lets rates fall to zero where it is told to", () => {
  const schedules = (toZero: boolean) =>
    planSweep({ ...options, toZero }).map(({ schedule }) => schedule?.minimumFraction);
  assertEquals(new Set(schedules(true)), new Set([0]));
  assertEquals(new Set(schedules(false)), new Set([undefined]));
});

Deno.test("planSweep() gives each seed a round, all policies alike, and times in as many as are asked for", () => {
  const plan = (changes: Partial<SweepOptions>) =>
    planSweep({ ...options, policies: [policy("A")], seed: 5, ...changes })
      .map(({ seed, qualitySteps, timedSteps }) => [seed, qualitySteps, timedSteps]);
  assertEquals(plan({ rounds: 4, seeds: 2 }), [[5, 7, 2], [6, 7, 2], [5, 0, 2], [5, 0, 2], [5, 0, 2]]);
  assertEquals(plan({ rounds: 1, seeds: 3 }), [[5, 7, 2], [6, 7, 2], [7, 7, 2], [5, 0, 2]]);
  assertEquals(plan({ rounds: 1, seeds: 3, qualitySteps: 0 }), [[5, 0, 2]]);
  const seeds = planSweep({ ...options, seeds: 2 }).map(({ policy, seed }) => `${policy} ${seed}`);
  assertEquals(seeds, ["A 1", "B 1", "B 2", "A 2"]);
});

Deno.test("planSweep() refuses sweeps without end, and seeds beyond the last, before it plans any of it", () => {
  const plan = (changes: Partial<SweepOptions>) => () => planSweep({ ...options, ...changes });
  for (const many of [{ rounds: 5000 }, { rounds: 2 ** 31 - 1 }, { seeds: 2 ** 31 - 1 }]) {
    assertThrows(plan(many), UserError, "more than the 10000 of one run; take fewer --rounds or --seeds");
  }
  assertEquals(plan({ rounds: 4999 })().length, 9999); // one once more
  const late = { seed: 2 ** 32 - 2, rounds: 3 };
  assertThrows(plan({ ...late, seeds: 3 }), UserError, "end beyond 4294967295, the largest there is");
  assertEquals(plan({ ...late, seeds: 2 })().at(2)!.seed, 2 ** 32 - 1);
});

Deno.test("planSweep() compares gradients where quality is measured and something is stored otherwise", () => {
  const policies = [
    ...["exact", "half"].map(policyDocument),
    ...[{ ...policyDocument("exact"), name: "materialised", attention: "materialised" as const }],
    { ...policyDocument("exact"), name: "ruled", rules: [{ bits: 8 as const }] },
    policyDocument("recompute"),
    ...[{ mlp: 64 }, { head: "paper" }, { head_gradients: "backward" }].map((mini_sequences, i) =>
      parsePolicy({ name: `pieces ${i}`, bits: 32, mini_sequences }, "test")
    ),
  ];
  const cells = planSweep({ ...options, policies, gradientEvery: 3 });
  assertEquals(cells.map((cell) => cell.gradientEvery), [0, ...Array(7).fill(3), ...Array(8).fill(0)]);
});

Deno.test("planSweep() takes each model's usual length where none is given, and a ViT's always", () => {
  const lengths = (sequences: number[]) =>
    planSweep({
      ...options,
      models: models("nano", "mini", "gpt2", "vit-nano"),
      sequences,
      policies: [policy("A")],
      rounds: 1,
    }).map((cell) => `${cell.model} ${cell.sequence}`);
  assertEquals(lengths([]), ["nano 128", "mini 512", "small 1024", "vit-nano 65"]);
  assertEquals(lengths([8, 16]), [
    ...["nano 8", "nano 16", "mini 8", "mini 16", "small 8", "small 16"],
    "vit-nano 65",
  ]);
});

Deno.test("planSweep() holds the tokens of a step where they are given, and refuses what makes no whole batch", () => {
  const sizes = (tokens: number) =>
    planSweep({ ...options, sequences: [8, 16], tokens, policies: [policy("A")], rounds: 1 })
      .map(({ sequence, batch }) => [sequence, batch]);
  assertEquals(sizes(64), [[8, 8], [16, 4]]);
  assertThrows(() => sizes(40), UserError, "--tokens 40 is no multiple of the 16 tokens");
});

Deno.test("planSweep() tells a process the whole document of a model that is no preset", () => {
  const long = { ...modelConfig("nano"), name: "long", positions: 4096 };
  const cells = planSweep({ ...options, models: [long, modelConfig("nano")], sequences: [2048], rounds: 1 });
  assertEquals(cells.map(({ model, modelDocument }) => [model, modelDocument]), [
    ["long", long],
    ["long", long],
    ["nano", undefined],
    ["nano", undefined],
  ]);
  assertEquals(modelOf(asTold(cells[0])), long);
});

Deno.test("planSweep() refuses two models or two policies of one name", () => {
  const twice = [modelConfig("nano"), { ...modelConfig("micro"), name: "nano" }];
  assertThrows(() => planSweep({ ...options, models: twice }), UserError, 'Two models are called "nano"');
  const policies = [policy("A"), policy("A")];
  assertThrows(() => planSweep({ ...options, policies }), UserError, 'Two policies are called "A"');
});

Deno.test("planSweep() trains each family by its recipe, whatever the policy", () => {
  const cells = planSweep({ ...options, models: models("nano", "vit-nano"), rounds: 1, qualitySteps: 20 });
  for (const { model, ...cell } of cells) {
    const { learningRate, weightDecay, clipNorm, labelSmoothing, schedule } = cell;
    assertEquals(
      { learningRate, weightDecay, clipNorm, labelSmoothing, schedule },
      recipe(modelConfig(model), 20),
    );
  }
});

Deno.test("planSweep() gives each length of a growing sweep a model of as many positions, and a ViT its own", () => {
  const cells = planSweep({
    ...growing,
    models: models("small", "vit-nano"),
    sequences: [1024, 2048],
    policies: [policy("A")],
  });
  const vit = { model: "vit-nano", modelDocument: undefined, sequence: 65 };
  const modelDocument = { ...modelConfig("small"), name: "small-2048", positions: 2048 };
  assertEquals(cells.map(({ model, modelDocument, sequence }) => ({ model, modelDocument, sequence })), [
    { model: "small", modelDocument: undefined, sequence: 1024 },
    { model: "small-2048", modelDocument, sequence: 2048 },
    vit,
  ]);
});
