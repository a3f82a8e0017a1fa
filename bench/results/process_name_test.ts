import { assertEquals } from "@std/assert";
import { cellName, processName } from "./process_name.ts";
import { fakeConfiguration } from "./testing.ts";

Deno.test("A process is named by its model, its step with micro-batches and ranks where there are several, its policy and its round", () => {
  const cell = fakeConfiguration({ batch: 4, sequence: 128, policy: "mesa8", round: 1 });
  assertEquals(processName(cell), "nano 4 × 128 mesa8, round 2");
  assertEquals(processName({ ...cell, again: true }), "nano 4 × 128 mesa8, once more");
  assertEquals(cellName({ ...cell, accumulate: 2, ranks: 3 }), "nano 2 × 4 × 128 on 3 ranks mesa8");
  assertEquals(cellName({ ...cell, accumulate: 1, ranks: 1 }), "nano 4 × 128 mesa8");
});
