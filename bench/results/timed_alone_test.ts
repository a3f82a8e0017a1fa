import { assertEquals } from "@std/assert";
import type { CellRecord } from "./results.ts";
import { fakeMeasurement, fakeRecord } from "./testing.ts";
import { crowding } from "./timed_alone.ts";

/** A process whose reference took so long. */
function timed(reference: Record<string, number>, ranks?: number): CellRecord {
  const timing = { ...fakeMeasurement().timing!, reference };
  return fakeRecord(ranks ? { ranks } : {}, { timing });
}

Deno.test("crowding() finds processes whose reference took longer than elsewhere, by whichever of its works", () => {
  const alone = [timed({ a: 1, b: 5 }), timed({ a: 1.03, b: 5.1 }), timed({ a: 1.39, b: 6.9 })];
  const shared = [timed({ a: 2.3, b: 5 }), timed({ a: 1, b: 7.5 })];
  const untimed = [fakeRecord(), fakeRecord({}, { timing: null })];
  assertEquals([...crowding([...alone, ...shared, ...untimed])], [[shared[0], 2.3], [shared[1], 1.5]]);
});

Deno.test("crowding() compares what ran on one adapter under one runtime", () => {
  const [native, slower] = [timed({ a: 1 }), timed({ a: 3 })];
  const of = (record: CellRecord, environment: Partial<CellRecord["environment"]>) => ({
    ...record,
    environment: { ...record.environment, ...environment },
  });
  assertEquals(crowding([native, of(slower, { runtime: "dawn" }), of(slower, { adapter: "Other" })]).size, 0);
  assertEquals(crowding([native, slower]).size, 1);
});

Deno.test("crowding() says nothing of software adapters, nor of ranks", () => {
  const software = (record: CellRecord) => ({
    ...record,
    environment: { ...record.environment, adapterClass: "software" as const },
  });
  assertEquals(crowding([timed({ a: 1 }), timed({ a: 3 })].map(software)).size, 0);
  assertEquals(crowding([timed({ a: 1 }), timed({ a: 3 }, 2)]).size, 0);
});
