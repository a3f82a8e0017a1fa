import { assert, assertEquals } from "@std/assert";
import type { TokenBatch } from "../../src/data/batches.ts";
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
  const losses = await trainSteps(session, batches, 120, (group, done) => {
    groups.push(group);
    assertEquals(done, groups.flat().length);
  });
  assertEquals(losses, Array.from({ length: 120 }, (_, i) => i));
  assertEquals(groups.flat(), losses);
  assertEquals(groups[0], [0]);
  assert(groups.length < 10);
});

Deno.test("trainSteps() ends after the group in which it is told to, and returns its losses", async () => {
  let taken = 0;
  const session = { step: () => void taken++, losses: () => Promise.resolve([taken]) };
  const stop = new AbortController();
  const onLosses = () => taken === 1 ? stop.abort() : undefined;
  const train = () => trainSteps(session, { next: () => 0 }, 100, onLosses, stop.signal);
  assertEquals(await train(), [1]);
  assertEquals(await train(), []);
  assertEquals(taken, 1);
});
