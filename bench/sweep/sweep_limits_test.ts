import { assert, assertEquals, assertThrows } from "@std/assert";
import { softwareWith } from "../../src/gpu/builder.ts";
import { typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { type CellRecord, unread } from "../results/results.ts";
import { fakeHeader, fakeMeasurement, fakeRecord } from "../results/testing.ts";
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
