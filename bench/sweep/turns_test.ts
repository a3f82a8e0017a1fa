import { assertEquals } from "@std/assert";
import { Turns } from "./turns.ts";

/** Takes turns at a place, and notes each with who else works. */
async function work(turns: Turns, place: number, count: number, log: number[], state: { busy: number }) {
  for (let i = 0; i < count; i++) {
    await turns.wait(place);
    log.push(place);
    assertEquals(++state.busy, 1);
    await new Promise((resolve) => setTimeout(resolve, place));
    state.busy--;
  }
  turns.leave(place);
}

Deno.test("Turns lets one work at a time, there and back, and goes on without those that have left", async () => {
  const [turns, log, state] = [new Turns(2), [] as number[], { busy: 0 }];
  await Promise.all([work(turns, 1, 5, log, state), work(turns, 0, 3, log, state)]);
  assertEquals(log, [0, 1, 1, 0, 0, 1, 1, 1]);
});

Deno.test("Turns waits for who is slow to come, and for nobody who left before the first turn", async () => {
  const turns = new Turns(3);
  const log: number[] = [];
  const [first, second] = [0, 1].map((place) => turns.wait(place).then(() => log.push(place)));
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(log, []);
  turns.leave(2);
  await first;
  assertEquals(log, [0]);
  turns.leave(0);
  await second;
  assertEquals(log, [0, 1]);
});

Deno.test("Turns gives none to who has left while it waited", async () => {
  const turns = new Turns(3);
  const log: number[] = [];
  turns.wait(0).then(() => log.push(0));
  turns.leave(0);
  const others = [1, 2].map((place) => turns.wait(place).then(() => log.push(place)));
  await others[0];
  assertEquals(log, [1]);
});
