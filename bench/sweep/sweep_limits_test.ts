import { assert, assertEquals, assertThrows } from "@std/assert";
import { gpuWith, softwareWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import { type CellRecord, plannedMemory, unread } from "../results/results.ts";
import type { PlannedCombination } from "../results/run_header.ts";
import { fakeHeader, fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { choosings, chosen, planCombinations } from "./frontier.ts";
import { profiles } from "./profiles.ts";
import { missingCells, Outcomes } from "./outcomes.ts";
import { budgets } from "./reinvest.ts";
import { planReinvested } from "./reinvested_cells.ts";
import { runByTurns, runSweep, type SweepHost } from "./run_sweep.ts";
import { untilPrecise } from "./stopping.ts";
import { planSweep } from "./sweep.ts";
import { mergeSweeps } from "./merge.ts";
import { budgetOfCard } from "./budget.ts";
import { options as brief, policy } from "./sweep_testing.ts";

const native = { ...gpuWith(typicalGpuLimits), matrices: undefined };
const options = profiles.frontier("software");
const shape = { model: modelConfig("nano"), sequence: 128, batch: 4 };
Deno.test("planCombinations() holds combinations to the sweep's memory, of which some fit and some do not", () => {
  const own = { ...options, policies: ["exact", "mst8"].map(policyDocument) };
  const planAll = (memory?: number) =>
    choosings([shape], own, native).flatMap((one) => planCombinations(one, { ...own, memory }, native));
  const sizes = planAll().map(({ memory }) => memory!.bufferBytes).toSorted((a, b) => a - b);
  const middle = sizes[Math.floor(sizes.length / 2)];
  const fits = planAll(middle).map(({ fits }) => fits);
  assert(fits.includes(true) && fits.includes(false));
  assertEquals(fits, planAll().map(({ memory }) => memory!.bufferBytes <= middle));
});

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
const names = (planned: PlannedCombination[], most: number, of = policies) =>
  chosen(planned, { ...options, policies: of, frontier: { most } }).map(({ name }) => name);
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

Deno.test("planReinvested() trains from every seed, of more seeds than rounds too", async () => {
  const own = {
    ...profiles.reinvest("software"),
    ...{ sequences: [64], batches: [16], rounds: 1, seeds: 3, qualitySteps: 100 },
    policies: ["exact", "mesa8"].map(policyDocument),
  };
  const cells = planReinvested(own, await budgets(own, softwareWith(typicalSoftwareLimits)), () => undefined);
  assertEquals(
    cells.flatMap(({ policy, qualitySteps, seed }) =>
      policy === "exact" && qualitySteps > 0 ? [seed - own.seed] : []
    ),
    [0, 1, 2],
  );
});

Deno.test("Outcomes gives longer sequences up on as many ranks as failed", () => {
  const outcomes = new Outcomes({ growing: true });
  const record = fakeRecord({ sequence: 32, ranks: 2 }, { status: "oom", timing: null, quality: null });
  outcomes.note(record.configuration, record);
  const longer = (ranks?: number) => fakeRecord({ sequence: 64, ...ranks && { ranks } }).configuration;
  assertEquals([outcomes.needless(longer(2)), outcomes.needless(longer(4)), outcomes.needless(longer())], [
    "oom",
    undefined,
    undefined,
  ]);
});

Deno.test("runByTurns() turns the programs every other round", async () => {
  const order: string[] = [];
  const program = (name: string) => ({ round }: { round: number }) =>
    Promise.resolve(void order.push(`${name} ${round}`));
  const cells = [0, 1, 2].map((round) => fakeRecord({ round }).configuration);
  await runByTurns(cells, ["old", "new"].map(program), new AbortController().signal);
  assertEquals(order, ["old 0", "new 0", "new 1", "old 1", "old 2", "new 2"]);
});

Deno.test("runSweep() tells the time of a process in seconds", async () => {
  const told: number[] = [];
  const host: SweepHost = {
    signal: new AbortController().signal,
    adapterClass: "gpu",
    run: () => new Promise((resolve) => setTimeout(() => resolve(unread(fakeMeasurement())), 50)),
    plan: () => ({ wantedBytes: 7, memory: null, refusal: null }),
    finished: (_cell, _answer, _started, seconds) => Promise.resolve(void told.push(seconds)),
  };
  await runSweep(
    planSweep({ ...brief, rounds: 1, policies: [policy("A")], batches: [2] }),
    host,
    new Outcomes({ growing: false }),
  );
  assert(told.length === 1 && told[0] >= 0.04 && told[0] < 30, `${told}`);
});

const rule = { precision: 0.005, fewestRounds: 6, maxSeconds: 300 };
const timed = (milliseconds: Record<string, (round: number) => number>, rounds = 20): CellRecord[] =>
  Array.from({ length: rounds }, (_, round) =>
    Object.entries(milliseconds).map(([policy, step]) => ({
      ...fakeRecord({ policy, round, qualitySteps: 0 }, {
        timing: { clock: "gpu", stepMilliseconds: [step(round)], setupMilliseconds: 1 },
      }),
      seconds: 1,
    }))).flat();
Deno.test("untilPrecise() tells speeds beside exact's, wherever it stands among the policies", () => {
  const drift = (round: number) => 10 * Math.exp(round % 2 === 0 ? 0.02 : -0.02);
  const first = timed({ half: (round) => drift(round), exact: () => 10 }, 6);
  // Beside `half` the two others would be as uncertain as it is; beside `exact` `mesa8` is known.
  const all = timed({ half: drift, exact: drift, mesa8: () => 10 }, 6);
  const { known } = untilPrecise(rule);
  assertEquals(known(first, 6), false);
  assertEquals(known(all.filter(({ configuration }) => configuration.policy !== "mesa8"), 6), true);
  const failed = timed({ half: () => 10, exact: () => 10 }, 6).map((record): CellRecord =>
    record.configuration.policy === "half" && record.configuration.round === 5
      ? { ...record, status: "oom", timing: null }
      : record
  );
  const wild = timed({ mesa8: drift }, 6);
  assertEquals(known([...failed, ...wild], 6), false, "exact is there to compare with");
});

Deno.test("missingCells() misses a round that trains, though speeds are known", () => {
  const all = timed({ exact: () => 10, half: () => 9 });
  const cells = all.map(({ configuration }) =>
    configuration.round === 10 ? { ...configuration, qualitySteps: 7 } : configuration
  );
  const missing = missingCells({ growing: false, stopping: rule, cells }, all.slice(0, 12));
  assertEquals(missing.map(({ policy, round }) => `${policy} ${round}`), ["exact 10", "half 10"]);
});

Deno.test("missingCells() settles each number of ranks by itself", () => {
  const known = timed({ exact: () => 10, half: () => 9 });
  const on2 = known.map((record) => ({ ...record, configuration: { ...record.configuration, ranks: 2 } }));
  const { cells } = fakeHeader([...known, ...on2]);
  const missing = missingCells({ cells, growing: false, stopping: rule }, known.slice(0, 12));
  assertEquals([missing.length, new Set(missing.map(({ ranks }) => ranks))], [40, new Set([2])]);
});

Deno.test("budgetOfCard() takes a card of which nothing is free at the driver's word", async () => {
  const look = { adapter: "A", adapterClass: "gpu" as const, free: 0 } as Parameters<typeof budgetOfCard>[0];
  assertEquals(await budgetOfCard(look, {} as Parameters<typeof budgetOfCard>[1]), {
    bytes: 0,
    source: "driver",
  });
});

Deno.test("mergeSweeps() refuses a record of another state of the checkout than its header", () => {
  const record = fakeRecord();
  const other = { ...record, environment: { ...record.environment, dirty: false } };
  const header = { ...fakeHeader([record]), shard: { index: 1, of: 1 } };
  const of = (record: CellRecord) =>
    [{
      folder: "a",
      results: { header, records: [record], skipped: [], versions: [4] },
    }] as unknown as Parameters<typeof mergeSweeps>[0];
  mergeSweeps(of(record));
  assertThrows(() => mergeSweeps(of(other)), Error, "of another adapter, program or commit");
});
