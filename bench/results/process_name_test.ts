import { assertEquals } from "@std/assert";
import type { CellConfiguration } from "./cell_configuration.ts";
import { cellName, processName } from "./process_name.ts";
import { fakeConfiguration } from "./testing.ts";

Deno.test("A process is named by its model, its step with micro-batches and ranks where there are several, its policy and its round", () => {
  const cell = fakeConfiguration({ batch: 4, sequence: 128, policy: "mesa8", round: 1 });
  assertEquals(processName(cell), "nano 4 × 128 mesa8, round 2");
  assertEquals(processName({ ...cell, again: true }), "nano 4 × 128 mesa8, once more");
  assertEquals(cellName({ ...cell, accumulate: 2, ranks: 3 }), "nano 2 × 4 × 128 on 3 ranks mesa8");
  assertEquals(cellName({ ...cell, accumulate: 1, ranks: 1 }), "nano 4 × 128 mesa8");
});

Deno.test("A process that trains what memory is re-invested in is named by what it is equal in, which tells two of one step apart", () => {
  const fake = { batch: 4, sequence: 128, policy: "mesa8", qualitySteps: 5 };
  const of = (reinvested: CellConfiguration["reinvested"], changes = {}) =>
    processName(fakeConfiguration({ ...fake, ...changes, reinvested }));
  const grown = { model: "nano", batch: 2, into: "batch" } as const;
  assertEquals(of(grown), "nano 4 × 128 mesa8, in equal tokens, round 1");
  const pace = { exact: 2, own: 3 };
  assertEquals(of({ ...grown, pace }), "nano 4 × 128 mesa8, in equal time, round 1");
  assertEquals(of(grown, { qualitySteps: 0 }), "nano 4 × 128 mesa8, round 1", "times alone");
});
