import { assert, assertEquals } from "@std/assert";
import type { TokenBatch } from "../../src/data/batches.ts";
import { alone } from "../../src/ranks/ranks.ts";
import { trainSteps } from "./training_loop.ts";

Deno.test("trainSteps() reads every loss once and in order, several steps at a time", async () => {
  let taken = 0;
  let queued: number[] = [];
  const session = {
    step: ({ inputs }: TokenBatch) => void queued.push(inputs[0]),
    losses: () => {
      const read = queued;
      queued = [];
      return Promise.resolve(read);
    },
  };
  const batches = { next: () => ({ inputs: Uint32Array.of(taken++), targets: new Int32Array(1) }) };
  const groups: number[][] = [];
  const losses = await trainSteps(session, batches, 120, {
    onLosses(group, done) {
      groups.push(group);
      assertEquals(done, groups.flat().length);
    },
  });
  assertEquals(losses, Array.from({ length: 120 }, (_, i) => i));
  assertEquals(groups.flat(), losses);
  assertEquals(groups[0], [0]);
  assert(groups.length < 10);
});

Deno.test("trainSteps() makes the next batch while the device computes, and no more than it trains on", async () => {
  const events: string[] = [];
  let [made, queued] = [0, 0];
  const session = {
    step(batch: number) {
      events.push(`step ${batch}`);
      queued++;
    },
    losses() {
      events.push("read");
      const losses = Array(queued).fill(0);
      queued = 0;
      return Promise.resolve(losses);
    },
  };
  const next = () => (events.push(`make ${made}`), made++);
  await trainSteps(session, { next }, 3);
  await trainSteps(session, { next }, 1);
  assertEquals(events.slice(0, 4), ["make 0", "step 0", "make 1", "read"]);
  assertEquals(
    events.filter((event) => event.startsWith("step")),
    [0, 1, 2, 3].map((batch) => `step ${batch}`),
  );
  assertEquals(made, 4);
});

Deno.test("trainSteps() ends after the group in which it is told to, and returns its losses", async () => {
  let taken = 0;
  const session = { step: () => void taken++, losses: () => Promise.resolve([taken]) };
  const train = () => trainSteps(session, { next: () => 0 }, 100, { halted: () => taken === 1 });
  assertEquals(await train(), [1]);
  assertEquals(await train(), []);
  assertEquals(taken, 1);
});

Deno.test("trainSteps() reads losses as often as the first rank says, however fast this one is", async () => {
  const told = [3, 1, 2, 9];
  const asked: number[] = [];
  const sum = (sent: Float32Array, sums: Float32Array) => {
    asked.push(...sent);
    sums[0] = sent[0] + told.shift()!;
  };
  let queued = 0;
  const session = {
    step: () => void queued++,
    losses() {
      const losses = Array(queued).fill(0);
      queued = 0;
      return Promise.resolve(losses);
    },
  };
  const groups: number[] = [];
  const onLosses = (losses: number[]) => void groups.push(losses.length);
  const ranks = { ...alone, rank: 1, size: 2, sum };
  await trainSteps(session, { next: () => 0 }, 6, { onLosses, ranks });
  assertEquals(groups, [1, 3, 1, 1]);
  assertEquals(asked, [0, 0, 0, 0]);
});
