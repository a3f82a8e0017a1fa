import { assertEquals } from "@std/assert";
import type { CardState, CellConfiguration, CellMeasurement } from "../results/results.ts";
import { unread } from "../results/results.ts";
import { fakeConfiguration, fakeMeasurement } from "../results/testing.ts";
import { Outcomes } from "./outcomes.ts";
import { hasRisen, unsteady, unsteadyTimes } from "./steady_clock.ts";
import { runSweep } from "./run_sweep.ts";

const gpu = { adapterClass: "gpu" } as const;
const atWork: CardState = {
  clockMegahertz: 1980,
  maxClockMegahertz: 1980,
  watts: 300,
  celsius: 50,
  slowedBy: [],
};

Deno.test("unsteady() finds an idle clock below three quarters of the highest, and what throttles", () => {
  const of = (changes: Partial<CardState>) => unsteady({ ...atWork, ...changes });
  assertEquals([1980, 1485, 1484, 345].map((clockMegahertz) => of({ clockMegahertz })), [
    ...[null, null, "idle", "idle"],
  ]);
  const reasons = [
    ["hardware slowdown"],
    ["software thermal slowdown"],
    ["hardware thermal slowdown"],
    ["hardware power brake", "software power cap"],
  ];
  assertEquals(reasons.map((slowedBy) => of({ slowedBy })), Array(4).fill("throttled"));
  for (const slowedBy of [["software power cap"], ["applications' clocks"]]) {
    // Such a card stays so, and no repetition helps.
    assertEquals([of({ slowedBy }), of({ slowedBy, clockMegahertz: 900 })], [null, null]);
  }
  assertEquals([of({ clockMegahertz: null }), of({ maxClockMegahertz: null })], [null, null]);
});

Deno.test("hasRisen() knows an idle clock, and believes a card of which nobody tells", () => {
  const at = (clockMegahertz: number) => hasRisen({ ...atWork, clockMegahertz });
  assertEquals([at(345), at(1980), hasRisen(null)], [false, true, true]);
});

Deno.test("unsteadyTimes() finds steps whose median lies a tenth above the least, and asks nothing of a software adapter", () => {
  const of = (stepMilliseconds: number[]) => unsteadyTimes({ stepMilliseconds, card: atWork }, gpu);
  assertEquals([of([4.5, 4.9, 4.6]), of([4.5, 4.95, 4.9])], [null, null]);
  assertEquals([of([4.5, 4.96, 5]), of([5, 4])], ["held up", "held up"]);
  assertEquals([of([4]), of([4.5, 4.6, 45])], [null, null]);
  assertEquals(unsteadyTimes({ stepMilliseconds: [4.5, 45, 45] }, { adapterClass: "software" }), null);
  const card = { ...atWork, clockMegahertz: 345 };
  assertEquals(unsteadyTimes({ stepMilliseconds: [4, 9], card }, gpu), "idle");
  assertEquals([unsteadyTimes({ stepMilliseconds: [4, 4], card }, gpu), unsteadyTimes(null, gpu)], [
    "idle",
    null,
  ]);
});

const noExchange = { count: 1, map: 0, transfer: 0, write: 0 };

/** What a sweep of so many cells records, of the last, and what it runs, where the card is found in these states one after another. */
async function swept(states: (CardState | "fails" | "diverges" | "held up" | undefined)[], cells = 1) {
  const ran: CellConfiguration[] = [];
  const recorded: CellMeasurement[] = [];
  const all = Array.from({ length: cells }, (_, seed) => fakeConfiguration({ gradientEvery: 5, seed }));
  await runSweep(all, {
    signal: new AbortController().signal,
    ...gpu,
    plan: () => ({ wantedBytes: 7, memory: null, refusal: null }),
    run(cell) {
      const state = states[ran.push(cell) - 1];
      if (state === "fails") {
        return Promise.resolve(unread(fakeMeasurement({ status: "error", timing: null, quality: null })));
      }
      const timing = {
        clock: "gpu" as const,
        stepMilliseconds: state === "held up" ? [ran.length, 2 * ran.length] : [ran.length],
        setupMilliseconds: 1,
        ...typeof state === "object" && { card: state },
      };
      const quality = cell.qualitySteps > 0 ? fakeMeasurement().quality : null;
      const exchanges = Array(timing.stepMilliseconds.length).fill({ ...noExchange, bytes: ran.length });
      const ranks = [{
        ...{ host: "a", adapter: "b", card: null, bufferBytes: 7, ledgerPeakBytes: 7 },
        exchanges,
      }];
      const status = state === "diverges" ? "diverged" : "ok";
      return Promise.resolve(unread(fakeMeasurement({ status, timing, quality, ranks })));
    },
    finished: (_, { measurement }) => Promise.resolve(void recorded.push(measurement)),
  }, new Outcomes({ growing: false }));
  const { timing, quality, status, ranks } = recorded.at(-1)!;
  const [first] = timing?.stepMilliseconds ?? [];
  assertEquals(ranks?.[0].exchanges[0].bytes, first, "what was exchanged is of the steps that count");
  return {
    ran: ran.map(({ qualitySteps, gradientEvery }) => [qualitySteps, gradientEvery]),
    steps: timing?.stepMilliseconds,
    setAside: timing?.setAside?.map((
      { stepMilliseconds, card },
    ) => [...stepMilliseconds, card?.clockMegahertz]),
    rest: [status, quality !== null],
  };
}

const idle = { ...atWork, clockMegahertz: 345 };
const first = [30, 5];
const onlyTimed = [0, 0];

Deno.test("runSweep() times a cell again whose card idled, without training it again, and keeps all times", async () => {
  assertEquals(await swept([idle, { ...atWork, slowedBy: ["hardware power brake"] }, atWork]), {
    ran: [first, onlyTimed, onlyTimed],
    steps: [3],
    setAside: [[1, 345], [2, 1980]],
    rest: ["ok", true],
  });
});

Deno.test("runSweep() times a cell again at most twice, and none whose card is at work or was not read", async () => {
  const never = await swept([idle, idle, idle, atWork]);
  assertEquals([never.ran.length, never.steps, never.setAside], [3, [3], [[1, 345], [2, 345]]]);
  for (const state of [atWork, undefined]) {
    const once = await swept([state, idle]);
    assertEquals([once.ran.length, once.steps, once.setAside], [1, [1], undefined]);
  }
});

Deno.test("runSweep() times what was held up again while that helps, and then again once a process was not", async () => {
  const held = ["held up", "held up", "held up"] as const;
  assertEquals((await swept(["held up", atWork])).ran, [first, onlyTimed]);
  assertEquals((await swept([...held, "held up"], 2)).ran, [first, onlyTimed, onlyTimed, first]);
  assertEquals((await swept([...held, atWork, "held up", atWork], 3)).ran, [
    ...[first, onlyTimed, onlyTimed],
    first,
    ...[first, onlyTimed],
  ]);
});

Deno.test("runSweep() keeps what it has where timing it again fails, or diverges", async () => {
  for (const end of ["fails", "diverges"] as const) {
    assertEquals(await swept([idle, end]), {
      ran: [first, onlyTimed],
      steps: [1],
      setAside: undefined,
      rest: ["ok", true],
    });
  }
});
