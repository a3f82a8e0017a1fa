import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { parseSweep } from "../results/read_results.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeRecord } from "../results/testing.ts";
import { Cell } from "./cell_rounds.ts";
import { describePredictions, measuredStep, plannedCrossing, predictStep } from "./predict_ranks.ts";

const root = `${import.meta.dirname}/../..`;
const folders = ["ranks-65536", "ranks-data"].map((name) => `${root}/reports/2026-11-29-nvidia-h200/${name}`);
const recordsIn = (folder: string) => parseSweep(Deno.readTextFileSync(`${folder}/results.jsonl`)).records;

Deno.test("predictStep() divides computing, maps by exchanges and moves bytes at each rank's rate, or at that of all together", () => {
  const measured = {
    ...{ ranks: 2, count: 10, bytes: 1000 },
    ...{ compute: 80, map: 20, transfer: 10, write: 1, step: 105 },
  };
  assertEquals(predictStep(measured, { ranks: 8, count: 5, bytes: 3000 }), {
    apart: { compute: 20, map: 10, transfer: 30, write: 3, step: 63 },
    together: { compute: 20, map: 10, transfer: 120, write: 12, step: 162 },
  });
  const { apart, together } = predictStep(measured, measured);
  assertEquals([apart, together], Array(2).fill({ ...apart, step: 111 }));
});

Deno.test("plannedCrossing() counts the bytes that left each of two cards in the published reports", () => {
  for (const folder of folders) {
    const record = recordsIn(folder).find(({ ranks }) => ranks)!;
    const measured = measuredStep(new Cell([record]))!;
    assertEquals(plannedCrossing(record, 2).bytes, measured.bytes, folder);
    const [two, four] = [2, 4].map((ranks) => plannedCrossing(record, ranks).bytes);
    // Of gradients' sums a card sends half as much again; of q, k, v and outputs three quarters of it.
    assertEquals(four > two, folder.endsWith("data"), folder);
  }
});

Deno.test("describePredictions() refuses records that no ranks made, and such whose cards told no times", () => {
  const times = { count: 4, bytes: 9, compute: null, map: 2, transfer: 1, write: 1 };
  const rank = {
    host: "a",
    adapter: "b",
    card: null,
    bufferBytes: 1,
    ledgerPeakBytes: 1,
    exchanges: [times],
  };
  const timing = { clock: "gpu" as const, stepMilliseconds: [10], setupMilliseconds: 1 };
  for (const record of [fakeRecord(), fakeRecord({ ranks: 2 }, { timing, ranks: [rank, rank] })]) {
    assertThrows(() => describePredictions([record], [4]), UserError, "give a report of --ranks 2");
  }
});

Deno.test("The predicted steps in the documentation are those that their commands print", () => {
  const rowsOf = (text: string) =>
    text.split("\n").filter((line) => /\| (measured|\*\*predicted\*\*) /.test(line))
      .map((line) => line.split("|").map((cell) => cell.trim()));
  const told = rowsOf(Deno.readTextFileSync(`${root}/docs/ranks.md`));
  const printed = folders.map((folder) => describePredictions(recordsIn(folder), [4, 8]));
  assertEquals(told, printed.flatMap(rowsOf));
});

Deno.test("describePredictions() says so where the measured steps sent in another way than now", () => {
  const asTold = (records: CellRecord[]) =>
    describePredictions(records, [4]).match(
      /measured with \d+ exchanges of .* the rates are those of another way/g,
    )
      ?.length ?? 0;
  for (const folder of folders) {
    const records = recordsIn(folder);
    const others = records.map(({ ranks, ...record }) => ({
      ...record,
      ...ranks && {
        ranks: ranks.map(({ exchanges, ...rank }) => ({
          ...rank,
          exchanges: exchanges.map((times) => ({ ...times, count: times.count + 1 })),
        })),
      },
    }));
    assertEquals([asTold(records), asTold(others)], [0, 1], folder);
  }
});
