import { assertEquals } from "@std/assert";
import { missingCells, Outcomes } from "./outcomes.ts";
import { type CellConfiguration, type CellMeasurement, failed, unread } from "../results/results.ts";
import { runSweep, type SweepHost } from "./run_sweep.ts";
import { planSweep } from "./sweep.ts";
import type { SweepOptions } from "./sweep_options.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { brief, growing, models, options, policy } from "./sweep_testing.ts";

function fakeHost(run: (cell: CellConfiguration) => CellMeasurement) {
  const finished: string[] = [];
  const controller = new AbortController();
  const host: SweepHost = {
    signal: controller.signal,
    adapterClass: "gpu",
    run: (cell) => Promise.resolve(unread(run(cell))),
    plan: () => ({ wantedBytes: 7, memory: null, refusal: null }),
    finished: (cell) => Promise.resolve(void finished.push(brief(cell))),
  };
  return { host, finished, controller };
}

Deno.test("runSweep() gives a cell up on as many ranks as it failed on, and on no others", async () => {
  const { host, finished } = fakeHost(({ ranks }) => failed(ranks ? "error" : "ok", ""));
  const cells = planSweep({ ...options, policies: [policy("A")], batches: [2], rankCounts: [2, 1] });
  await runSweep(cells, host, new Outcomes({ growing: false }));
  assertEquals(finished, ["2 A 0", "2 A 0", "2 A 1"]);
});

Deno.test("runSweep() gives up a cell that failed and goes on with the others", async () => {
  const { host, finished } = fakeHost(({ policy }) =>
    policy === "A" ? failed("oom", "Too much") : fakeMeasurement()
  );
  await runSweep(planSweep(options), host, new Outcomes({ growing: false }));
  assertEquals(finished, ["2 A 0", "2 B 0", "2 B 1"]);
});

/** Runs a growing sweep in which a policy fails beyond so many tokens. Returns the cells that were run, and all that were told. */
async function grown(most: Record<string, number>, changes: Partial<SweepOptions> = {}) {
  const { host } = fakeHost(() => fakeMeasurement());
  const [ran, told]: string[][] = [[], []];
  await runSweep(planSweep({ ...growing, ...changes }), {
    ...host,
    run({ policy, sequence, batch, round }) {
      ran.push(`${policy} ${sequence} ${round}`);
      const fits = batch * sequence <= most[policy];
      return Promise.resolve(
        unread(fits ? fakeMeasurement() : failed(policy === "A" ? "oom" : "timeout", "No")),
      );
    },
    finished({ policy, sequence }, { measurement: { status, wantedBytes, message } }) {
      if (status !== "ok") told.push(`${policy} ${sequence} ${status} ${wantedBytes}: ${message}`);
      return Promise.resolve();
    },
  }, new Outcomes({ growing: true }));
  return { ran, told };
}

Deno.test("runSweep() gives a policy up beyond the length at which it failed, and ends where none is left", async () => {
  const { ran, told } = await grown({ A: 8, B: 32 });
  assertEquals(ran, ["A 8 0", "B 8 0", "A 16 0", "B 16 0", "B 32 0", "B 64 0"]);
  assertEquals(told, [
    "A 16 oom null: No",
    "A 32 oom 7: Not run: out of memory at 16 tokens",
    "A 64 oom 7: Not run: out of memory at 16 tokens",
    "B 64 timeout null: No",
  ]);
});

Deno.test("runSweep() gives up longer sequences of the same model and batch only, and goes by length, not by order", async () => {
  const two = await grown({ A: 8, B: 0 }, { models: models("nano", "mini"), sequences: [16, 8] });
  const all = ["A 16 0", "B 16 0", "A 8 0", "B 8 0"];
  assertEquals(two.ran, [...all, ...all]);
  const batches = await grown({ A: 16, B: 0 }, { batches: [1, 2], sequences: [8, 16, 32], rounds: 2 });
  assertEquals(batches.ran, [
    ...["A 8 0", "B 8 0", "A 8 1", "A 8 0", "B 8 0", "A 8 1"],
    ...["A 16 0", "A 16 1", "A 16 0", "A 32 0"],
  ]);
});

Deno.test("runSweep() records what a plan refuses as out of memory, with the bytes that it wants, and runs the others", async () => {
  const { host } = fakeHost(() => fakeMeasurement());
  const told: CellMeasurement[] = [];
  const { memory } = fakeMeasurement();
  const refused = { wantedBytes: 9, memory, refusal: "Too much" };
  const cells = planSweep({ ...options, rounds: 1 });
  await runSweep(cells, {
    ...host,
    plan: (cell) => cell.policy === "A" ? refused : host.plan(cell),
    finished: (_, { measurement }) => Promise.resolve(void told.push(measurement)),
  }, new Outcomes({ growing: false }));
  assertEquals(told, [{ ...failed("oom", "Too much"), wantedBytes: 9, memory }, fakeMeasurement()]);
});

Deno.test("runSweep() takes the memory of a process that could not tell it from its plan", async () => {
  const { memory } = fakeMeasurement();
  const planned = { ...memory!, bufferBytes: 9 };
  const { host } = fakeHost(({ policy }) => policy === "A" ? failed("timeout", "No") : fakeMeasurement());
  const told: CellMeasurement["memory"][] = [];
  await runSweep(planSweep({ ...options, rounds: 1 }), {
    ...host,
    plan: () => ({ wantedBytes: 9, memory: planned, refusal: null }),
    finished: (_, { measurement }) => Promise.resolve(void told.push(measurement.memory)),
  }, new Outcomes({ growing: false }));
  assertEquals(told, [planned, memory]);
});

Deno.test("runSweep() drops the cell under way when it is interrupted", async () => {
  const { host, finished, controller } = fakeHost(({ policy }) => {
    if (policy === "B") controller.abort();
    return fakeMeasurement();
  });
  await runSweep(planSweep(options), host, new Outcomes({ growing: false }));
  assertEquals(finished, ["2 A 0"]);
});

Deno.test("runSweep() runs what has no record, as if the records had been made just now", async () => {
  const cells = planSweep({ ...options, batches: [2, 4] });
  const recordOf = (index: number, status: CellMeasurement["status"]) => fakeRecord(cells[index], { status });
  const { host, finished } = fakeHost(() => fakeMeasurement());
  // A was out of memory at batch 2, so its second round is not missing; B's second round is.
  const done = [recordOf(0, "oom"), recordOf(1, "ok"), recordOf(4, "diverged")];
  await runSweep(cells, host, new Outcomes({ growing: false }), done);
  const missing = ["2 B 1", "4 B 0", "4 B 1", "4 A 1"];
  assertEquals(finished, missing);
  assertEquals(missingCells({ cells, growing: false }, done).map(brief), missing);
  assertEquals(missingCells({ cells, growing: false }, cells.map((cell) => fakeRecord(cell))), []);
});

Deno.test("missingCells() misses no length beyond the one at which every policy failed", () => {
  const cells = planSweep(growing);
  const failedAt = (most: Record<string, number>) =>
    cells.map((cell) => fakeRecord(cell, cell.sequence > most[cell.policy] ? { status: "oom" } : {}));
  const records = failedAt({ A: 8, B: 16 }).filter(({ configuration }) => configuration.sequence <= 32);
  assertEquals(missingCells({ cells, growing: true }, records), []);
  const lacking = missingCells({ cells, growing: true }, records.slice(0, -1));
  assertEquals(lacking.map(({ policy, sequence }) => [policy, sequence]), [["B", 32]]);
});

Deno.test("runSweep() takes the time of a process from a clock that nobody sets back", async () => {
  const { host } = fakeHost(() => fakeMeasurement());
  const told: number[] = [];
  const before = Date.now;
  let now = 1e12;
  Date.now = () => now -= 3_600_000;
  try {
    await runSweep(planSweep(options), {
      ...host,
      finished: (_cell, _answer, _started, seconds) => Promise.resolve(void told.push(seconds)),
    }, new Outcomes({ growing: false }));
  } finally {
    Date.now = before;
  }
  assertEquals(told.length, 4);
  assertEquals(told.filter((seconds) => seconds < 0), []);
});
