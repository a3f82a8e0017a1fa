import { assertEquals } from "@std/assert";
import { someBatches } from "../../src/train/testing.ts";
import { timeSteps } from "./timed_steps.ts";

/** What a session is asked for when it is timed and each of its steps takes 100 ms, by the batches' numbers. */
async function asked(
  adapterClass: "gpu" | "software",
  warmupSteps: number,
  timedSteps: number,
  stepsPerTurn?: number,
) {
  const log: string[] = [];
  const batches = someBatches(9);
  const names = (some: readonly unknown[]) => some.map((batch) => batches.findIndex((one) => one === batch));
  let now = 1000;
  const session = {
    gpu: { adapter: { class: adapterClass } },
    step(batch: unknown) {
      log.push(`step ${names([batch])}`);
      now += 100;
    },
    losses() {
      log.push("losses");
      return Promise.resolve([]);
    },
    timedSteps(some: readonly unknown[]) {
      log.push(`timed ${some.length > 9 ? some.length : names(some)}`);
      return Promise.resolve({ stepMilliseconds: some.map(() => 7), clock: "gpu" as const });
    },
  };
  const source = batches.values();
  const next = () => source.next().value!;
  const turns = stepsPerTurn === undefined ? undefined : {
    steps: stepsPerTurn,
    next: () => Promise.resolve(void log.push("turn")),
  };
  const timing = await timeSteps(session, { next }, { warmupSteps, timedSteps }, { now: () => now, turns });
  assertEquals(timing, { stepMilliseconds: Array(timedSteps).fill(7), clock: "gpu" });
  return log;
}

Deno.test("timeSteps() warms up for the steps asked for, then times those asked for, on four batches in turn", async () => {
  assertEquals(await asked("software", 2, 3), ["step 0", "step 1", "losses", "timed 0,1,2"]);
  assertEquals((await asked("software", 1, 6)).at(-1), "timed 0,1,2,3,0,1");
});

Deno.test("timeSteps() warms a GPU up for half a second, in whole rounds of the steps asked for", async () => {
  const round = ["step 0", "step 1", "losses"];
  assertEquals(await asked("gpu", 2, 3), [...round, ...round, ...round, "timed 0,1,2"]);
});

Deno.test("timeSteps() warms nothing up where no step is asked for", async () => {
  assertEquals(await asked("gpu", 0, 2), ["timed 0,1"]);
});

Deno.test("timeSteps() reads losses between windows of as many steps as may wait for it", async () => {
  const log = await asked("software", 2500, 2049);
  const counts = log.join("|").split("losses").map((window) => window.split("step").length - 1);
  assertEquals(counts, [1024, 1024, 452, 0, 0, 0]);
  assertEquals(log.slice(-6).filter((line) => !line.startsWith("step")), [
    ...["losses", "timed 1024", "losses", "timed 1024", "losses", "timed 0"],
  ]);
});

Deno.test("timeSteps() waits for its turn before every so many timed steps, with its losses read", async () => {
  assertEquals(await asked("software", 1, 5, 2), [
    ...["step 0", "losses", "turn", "timed 0,1", "losses", "turn", "timed 2,3", "losses", "turn", "timed 0"],
  ]);
});

Deno.test("timeSteps() reads the card's state, and keeps it busy until the first answer has come", async () => {
  const card = { clockMegahertz: 1980, maxClockMegahertz: 1980, watts: 300, celsius: 50, slowedBy: [] };
  const log: string[] = [];
  const answered = Promise.withResolvers<typeof card>();
  const session = {
    gpu: { adapter: { class: "software" as const } },
    step() {
      log.push("step");
      if (log.length === 6) answered.resolve(card);
    },
    async losses() {
      log.push("losses");
      await new Promise((resolve) => setTimeout(resolve, 1));
      return [];
    },
    timedSteps(some: readonly unknown[]) {
      log.push("timed");
      return Promise.resolve({ stepMilliseconds: some.map(() => 7), clock: "gpu" as const });
    },
  };
  const counts = { warmupSteps: 0, timedSteps: 2 };
  const batches = { next: () => someBatches(1)[0] };
  const timing = await timeSteps(session, batches, counts, {
    readCard: () => (log.push("read"), answered.promise),
  });
  assertEquals(timing, { stepMilliseconds: [7, 7], clock: "gpu", card });
  // Nothing was asked before the timed steps, which are as many as were wanted, and the card worked until the answer.
  assertEquals(log.slice(0, 6), ["read", "timed", "losses", "step", "losses", "step"]);
  assertEquals(log.slice(6).every((entry) => entry === "losses" || entry === "step"), true);
  const nobody = await timeSteps(session, batches, counts, { readCard: () => Promise.resolve(null) });
  assertEquals(Object.keys(nobody), ["stepMilliseconds", "clock"]);
});

Deno.test("timeSteps() asks for the card's state before any timed step, or once steps that nothing warmed up have done so", async () => {
  const asked = async (warmupSteps: number) => {
    const log: string[] = [];
    let now = 0;
    const session = {
      gpu: { adapter: { class: "gpu" as const } },
      step: () => void (now += 1000),
      losses: () => new Promise<number[]>((resolve) => setTimeout(() => resolve([]), 1)),
      timedSteps: (some: readonly unknown[]) => {
        log.push("timed");
        return Promise.resolve({ stepMilliseconds: some.map(() => 7), clock: "gpu" as const });
      },
    };
    const card = { clockMegahertz: 1980, maxClockMegahertz: 1980, watts: 300, celsius: 50, slowedBy: [] };
    const timing = await timeSteps(
      session,
      { next: () => someBatches(1)[0] },
      { warmupSteps, timedSteps: 1 },
      {
        now: () => now,
        readCard: () => (log.push("read"), Promise.resolve(card)),
      },
    );
    assertEquals(timing.card, card);
    return log;
  };
  assertEquals(await asked(1), ["read", "timed"]);
  assertEquals(await asked(0), ["timed", "read"]);
});

Deno.test("timeSteps() goes on warming up, and keeping the card busy, for as long as other ranks do", async () => {
  const log: string[] = [];
  const session = {
    gpu: { adapter: { class: "software" as const } },
    step: () => void log.push("step"),
    losses: () => Promise.resolve([]),
    timedSteps: (some: readonly unknown[]) => {
      log.push("timed");
      return Promise.resolve({ stepMilliseconds: some.map(() => 7), clock: "gpu" as const });
    },
  };
  const others = [true, true, false, true, false];
  const agree = (own: boolean) => own || others.shift()!;
  await timeSteps(session, { next: () => someBatches(1)[0] }, { warmupSteps: 1, timedSteps: 1 }, { agree });
  assertEquals(log, ["step", "step", "step", "timed", "step"]);
});

Deno.test("timeSteps() tells times by the wall clock where any window's are", async () => {
  const clocks = ["gpu", "wall", "gpu"] as const;
  let window = 0;
  const session = {
    gpu: { adapter: { class: "software" as const } },
    step() {},
    losses: () => Promise.resolve([]),
    timedSteps: (some: readonly unknown[]) =>
      Promise.resolve({ stepMilliseconds: some.map(() => window), clock: clocks[window++] }),
  };
  const { stepMilliseconds, clock } = await timeSteps(
    session,
    { next: () => someBatches(1)[0] },
    { warmupSteps: 0, timedSteps: 2100 },
  );
  assertEquals([clock, stepMilliseconds.length, stepMilliseconds.at(-1)], ["wall", 2100, 2]);
});
