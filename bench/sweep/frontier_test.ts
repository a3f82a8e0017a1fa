import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { refuseChoices, type StepChoices, unusual } from "../../src/train/step_choices.ts";
import { plannedMemory } from "../results/results.ts";
import type { PlannedCombination } from "../results/run_header.ts";
import { choicesOver, choosings, chosen, planCombinations } from "./frontier.ts";
import { profiles } from "./profiles.ts";
import type { SweepOptions } from "./sweep_options.ts";

const native = { ...gpuWith(typicalGpuLimits), matrices: undefined };
const options = profiles.frontier("software");
const shape = { model: modelConfig("nano"), sequence: 128, batch: 4 };

Deno.test("choicesOver() takes every value of a choice that is not named, and of arithmetic those that the adapter has", () => {
  const states = 3 * 3 * 2;
  assertEquals(choicesOver({}, native).length, states);
  assertEquals(choicesOver({}, native)[0], {}, "the sweep's own are the first");
  const matrices = { m: 16, n: 16, k: 16 };
  assertEquals(choicesOver({}, { matrices }).length, 3 * states);
  assertEquals(choicesOver({ arithmetic: "f16" }, { matrices }).length, states);
  assertEquals(choicesOver({ moments: "8bit", update: "step" }, native).length, 3);
  assertEquals(choicesOver({ accumulate: 2 }, native).length, 9, "micro-batches add gradients up");
  for (
    const choices of [
      ...[{}, { accumulate: 2 }, { clipBy: "last" }, { clipBy: "step" }, { update: "backward" }],
      ...[{ ranks: 2 }, { ranks: 2, spread: "batch", sharding: "moments" }],
    ] as StepChoices[]
  ) {
    for (const one of choicesOver(choices, { matrices })) refuseChoices({ ...one, clipNorm: 1 });
  }
});

Deno.test("choicesOver() leaves to every combination what ranks share", () => {
  const shared: StepChoices = { ranks: 2, spread: "batch", sharding: "moments" };
  for (const { ranks, spread, sharding } of choicesOver(shared, native)) {
    assertEquals({ ranks, spread, sharding }, shared);
  }
});

const planAll = (of: SweepOptions) =>
  choosings([shape], of, native).flatMap((one) => planCombinations(one, of, native));

Deno.test("planCombinations() plans every policy with every choice, and names it by what is not the sweep's own", () => {
  const policies = ["exact", "mst8"].map(policyDocument);
  const planned = planAll({ ...options, policies, moments: "8bit", memory: 2 ** 24 });
  assertEquals(planned.map(({ name }) => name), [
    ...["", " + bf16 weights", " + f16 weights"].flatMap((weights) =>
      policies.map(({ name }) => name + weights)
    ),
    ...["", " + bf16 weights", " + f16 weights"].flatMap((weights) =>
      policies.map(({ name }) => `${name}${weights} + in backward`)
    ),
  ]);
  const bytes = (name: string) => planned.find((one) => one.name === name)!.memory!.bufferBytes;
  assert(bytes("mst8 + bf16 weights + in backward") < bytes("mst8 + bf16 weights"));
  for (const { fits, memory } of planned) assertEquals(fits, memory!.bufferBytes <= 2 ** 24);
});

/** A combination for tests, of so many bytes, of which so many are live at once, and seconds. */
const fake = (
  policy: string,
  bytes: number,
  seconds: number,
  choices: StepChoices = {},
  live = bytes,
): PlannedCombination => ({
  ...{ model: "nano", sequence: 32, batch: 1, policy, ...choices },
  name: [policy, ...Object.values(choices)].join(" "),
  memory: plannedMemory(
    { savedBytes: 0, livePeakBytes: live, liveAtPeak: {}, bufferBytes: bytes } as Parameters<
      typeof plannedMemory
    >[0],
  ),
  seconds,
  fits: true,
});

const policies = ["exact", "half", "mesa8"].map(policyDocument);
const few = { ...options, policies, frontier: { most: 40 } };
const names = (planned: PlannedCombination[], most = 40, of = policies) =>
  chosen(planned, { ...few, policies: of, frontier: { most } }).map(({ name }) => name);

const exact = [
  fake("exact", 100, 10),
  fake("exact", 90, 11, { moments: "bf16" }), // alone
  fake("exact", 95, 12, { parameters: "bf16" }), // alone
];

Deno.test("chosen() takes each choice alone with the first policy, and what no other beats in bytes, seconds and bits", () => {
  const combined = { moments: "8bit", parameters: "bf16" } as const;
  const planned = [
    ...exact,
    fake("half", 60, 11),
    fake("mesa8", 50, 12),
    fake("half", 55, 11, combined),
    fake("mesa8", 58, 13, combined), // beaten by that of half, which saves more bits
    fake("mesa8", 40, 13, { moments: "8bit" }),
    fake("mesa8", 40, 13, { moments: "bf16" }), // its equal comes first
    { ...fake("half", 1, 1, { moments: "8bit" }), fits: false },
    { ...fake("half", 1, 1, { parameters: "f16" }), memory: null, seconds: null },
  ];
  assertEquals(names(planned), ["exact bf16", "exact bf16", "half 8bit bf16", "mesa8 8bit"]);
  const [first] = chosen(planned, few);
  assertEquals(first, { name: "exact bf16", policy: "exact", choices: { moments: "bf16" } });
});

Deno.test("chosen() counts the policies, and takes the smallest first, then what lies furthest from it", () => {
  const moments = (policy: string, bytes: number, seconds: number) =>
    fake(policy, bytes, seconds, { moments: "8bit", parameters: "bf16", update: "backward", clipBy: "last" });
  const planned = [
    ...exact,
    fake("half", 60, 11),
    fake("mesa8", 50, 12),
    moments("exact", 80, 10),
    moments("half", 30, 11),
    moments("mesa8", 20, 12),
  ];
  const [large, middle, small] = planned.slice(5).map(({ name }) => name);
  const alone = exact.slice(1).map(({ name }) => name);
  assertEquals(names(planned, 2), [], "the policies are more");
  assertEquals(names(planned, 3), [], "the policies are as many");
  assertEquals(names(planned, 4), alone.slice(0, 1));
  assertEquals(names(planned, 6), [...alone, small]);
  assertEquals(names(planned, 7), [...alone, middle, small], "large lies near exact, which is taken");
  assertEquals(names(planned, 8), [...alone, large, middle, small]);
});

Deno.test("chosen() takes weights in f32 and in fewer bits for two things, and what they cost in time for none", () => {
  const planned = [
    fake("exact", 100, 10),
    fake("half", 60, 11),
    fake("half", 45, 12, { moments: "8bit" }), // slower by plan, and as fast for all that it knows
    fake("half", 50, 10, { moments: "bf16" }), // beaten
    fake("half", 40, 9, { parameters: "bf16", moments: "8bit" }),
    fake("half", 40, 8, { parameters: "f16", moments: "8bit" }), // its equal comes first
  ];
  assertEquals(chosen(planned, { ...few, policies: policies.slice(0, 2) }).map(({ name }) => name), [
    "half 8bit",
    "half bf16 8bit",
  ]);
});

Deno.test("chosen() takes arithmetics in turn, each combination with its policy alone in that arithmetic", () => {
  const state = { moments: "8bit", parameters: "bf16" } as const;
  const in16 = { arithmetic: "f16" } as const;
  const planned = [
    fake("exact", 100, 10),
    fake("half", 60, 11),
    fake("half", 40, 11, state),
    fake("exact", 100, 10, in16), // alone
    fake("half", 60, 11, in16),
    fake("half", 40, 11, { ...state, ...in16 }),
  ];
  const two = { ...few, policies: policies.slice(0, 2) };
  const of = (most: number) => chosen(planned, { ...two, frontier: { most } }).map(({ name }) => name);
  assertEquals(of(4), ["half 8bit bf16", "exact f16"]);
  assertEquals(of(5), ["half 8bit bf16", "exact f16", "half f16"], "one place is too few for two");
  assertEquals(of(6), ["half 8bit bf16", "exact f16", "half f16", "half 8bit bf16 f16"]);
});

Deno.test("chosen() takes of nano's combinations no more than its profile does with the policies, each once and none that contradicts itself", () => {
  const planned = planAll(options);
  assertEquals(planned.length, options.policies.length * 18);
  const some = chosen(planned, options);
  assert(options.policies.length + some.length <= options.frontier!.most);
  assert(some.length >= 15, "there are the choices alone, and as many again");
  assertEquals(new Set(some.map(({ name }) => name)).size, some.length);
  for (const { choices, policy, name } of some) {
    refuseChoices({ ...choices, clipNorm: 1 });
    assertEquals(planned.find((one) => one.name === name)!.policy, policy);
    assertEquals(unusual(choices), choices);
  }
  assertEquals(chosen(planned, options), some);
});

Deno.test("planCombinations() holds combinations to the sweep's memory, of which some fit and some do not", () => {
  const own = { ...options, policies: ["exact", "mst8"].map(policyDocument) };
  const sizes = planAll(own).map(({ memory }) => memory!.bufferBytes).toSorted((a, b) => a - b);
  const middle = sizes[Math.floor(sizes.length / 2)];
  const fits = planAll({ ...own, memory: middle }).map(({ fits }) => fits);
  assert(fits.includes(true) && fits.includes(false));
  assertEquals(fits, planAll(own).map(({ memory }) => memory!.bufferBytes <= middle));
});

Deno.test("chosen() takes the smallest first, then always what lies furthest from what was taken", () => {
  const state = (policy: string, bytes: number, seconds: number, more: StepChoices = {}) =>
    fake(policy, bytes, seconds, { moments: "8bit", parameters: "bf16", ...more });
  const planned = [
    fake("exact", 1000, 10),
    fake("half", 900, 11),
    fake("mesa8", 800, 12),
    state("mesa8", 10, 12),
    state("half", 11, 11),
    state("exact", 100, 10),
  ];
  const [small, near, far] = planned.slice(3).map(({ name }) => name);
  assertEquals(names(planned, 4), [small]);
  assertEquals(names(planned, 5).toSorted(), [small, far].toSorted());
  assertEquals(names(planned, 6).toSorted(), [small, near, far].toSorted());
});

Deno.test("chosen() takes the smallest first", () => {
  const state = (policy: string, bytes: number, seconds: number) =>
    fake(policy, bytes, seconds, { moments: "8bit", update: "backward", clipBy: "last" });
  const planned = [
    fake("exact", 1000, 10),
    fake("half", 900, 11),
    fake("mesa8", 800, 12), // each beaten by its own with less state
    state("exact", 100, 10),
    state("mesa8", 10, 12),
  ];
  assertEquals(names(planned, 4), [planned[4].name]);
});

Deno.test("chosen() goes by the bytes of buffers, not by what is live", () => {
  const planned = [
    fake("exact", 100, 10),
    fake("half", 60, 11),
    fake("half", 40, 11, { moments: "8bit" }, 50),
    fake("half", 45, 11, { moments: "bf16" }, 30),
  ];
  assertEquals(names(planned, 40, policies.slice(0, 2)), ["half 8bit"]);
});

Deno.test("chosen() takes arithmetics in turn where there is no room for all", () => {
  const in16 = { arithmetic: "f16" } as const;
  const state = { moments: "8bit", parameters: "bf16" } as const;
  const planned = [
    fake("exact", 100, 10),
    fake("half", 60, 11),
    fake("exact", 90, 10, state),
    fake("half", 40, 11, state),
    fake("exact", 100, 10, in16), // alone
    fake("exact", 20, 10, { ...state, ...in16 }),
  ];
  assertEquals(names(planned, 5, policies.slice(0, 2)), [
    "half 8bit bf16",
    "exact f16",
    "exact 8bit bf16 f16",
  ]);
});
