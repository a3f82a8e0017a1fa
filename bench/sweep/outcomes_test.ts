import { assertEquals } from "@std/assert";
import type { CellConfiguration, CellMeasurement } from "../results/results.ts";
import { fakeConfiguration, fakeHeader, fakeRecord } from "../results/testing.ts";
import { missingCells, Outcomes, passedOver } from "./outcomes.ts";

type Status = CellMeasurement["status"];

/** A process that came to no end. */
const failing = (cell: Partial<CellConfiguration>, status: Status) =>
  fakeRecord(cell, { status, timing: null, quality: null });

/** What needs no run once a cell has timed out. */
const needless = (failed: Partial<CellConfiguration>, cell: Partial<CellConfiguration>) => {
  const outcomes = new Outcomes({ growing: false });
  const record = failing(failed, "timeout");
  outcomes.note(record.configuration, record);
  return outcomes.needless(fakeConfiguration({ ...cell, round: 1 }));
};

Deno.test("Outcomes gives a re-invested cell up for its own budget, size and kind of run, and for no other", () => {
  const grown = {
    policy: "mesa8",
    batch: 4,
    reinvested: { model: "nano", batch: 2, into: "batch" as const },
  };
  assertEquals(needless(grown, grown), "timeout");
  assertEquals(needless(grown, { policy: "mesa8", batch: 4 }), undefined, "the size of another budget");
  const of = (changes: Partial<typeof grown.reinvested>) => ({
    ...grown,
    reinvested: { ...grown.reinvested, ...changes },
  });
  assertEquals(needless(grown, of({ batch: 1 })), undefined);
  assertEquals(needless(grown, of({ model: "micro" })), undefined);
  assertEquals(
    needless({ ...grown, reinvested: { model: "nano", batch: 2, into: "width" } }, grown),
    undefined,
  );
  const paced = { ...grown, reinvested: { ...grown.reinvested, pace: { exact: 10, own: 20 } } };
  assertEquals(needless(paced, grown), undefined, "runs of equal tokens after one of equal time");
  assertEquals(needless(grown, paced), undefined, "and the other way round");
  const otherwise = { ...paced, reinvested: { ...paced.reinvested, pace: { exact: 10, own: 21 } } };
  assertEquals(needless(paced, otherwise), "timeout", "a pace is measured, and names no cell");
});

Deno.test("passedOver() counts what was passed over by why, and missingCells() has none of it", () => {
  const policies = ["exact", "half", "mesa8"];
  const cells = [0, 1, 2].flatMap((round) => policies.map((policy) => fakeRecord({ policy, round })));
  const header = fakeHeader(cells);
  const records = [
    cells[0],
    failing({ policy: "half" }, "oom"),
    failing({ policy: "mesa8" }, "timeout"),
    cells[3],
  ];
  assertEquals([...passedOver(header, records)], [["oom", 2], ["timeout", 2]]);
  assertEquals(missingCells(header, records), [cells[6].configuration]);
});

Deno.test("passedOver() tells how the last policies failed where lengths grow", () => {
  const at = (sequence: number) => fakeRecord({ sequence });
  const header = fakeHeader([at(16), at(32), at(64)], { growing: true });
  assertEquals([...passedOver(header, [at(16), failing({ sequence: 32 }, "error")])], [["error", 1]]);
});
