import { plural } from "../../src/text/format.ts";
import { headerRemedy, lostHeader, recordRemedy, type SweepResults } from "../results/read_results.ts";
import { type CellRecord, keyOf, ran } from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { missingCells, type Needless, passedOver } from "../sweep/outcomes.ts";
import { cellsToRun } from "../sweep/shards.ts";
import { checkReinvested } from "./check_reinvested.ts";
import { checkMaking } from "./check_sweep_making.ts";
import { processName } from "../results/process_name.ts";
import { checkFrontier, checkLongest, checkMemory } from "./check_sweep_plans.ts";
import { checkRanks } from "./check_sweep_ranks.ts";
import { checkRecords, lossFaults } from "./check_sweep_records.ts";
import { type Finding, finding } from "./finding.ts";

/** Whether the results of a sweep are whole, of one making, and what they say they are. */
export function checkSweep({ header, records, skipped, versions }: SweepResults): Finding[] {
  return [
    finding(
      records.length === 0 ? [`there is no record: ${recordRemedy({ header })}`] : skipped,
      `${plural(records.length, "record")}, each a whole line of version ${versions.join(" and ")}`,
    ),
    checkPlan(header, records, lostHeader({ header, skipped, versions })),
    finding(twice(records), "no process is recorded twice"),
    checkEndings(records),
    finding(records.flatMap(lossFaults), "every loss is a number, but of runs that are marked as diverged"),
    checkRecords(records),
    checkMemory(records),
    checkMaking(header, records),
    ...records.some(({ ranks }) => ranks) ? [checkRanks(records)] : [],
    ...header?.longest ? [checkLongest(header, header.longest, records)] : [],
    ...header?.reinvest ? [checkReinvested(header.reinvest, records)] : [],
    ...header?.frontier ? [checkFrontier(header.frontier, records)] : [],
  ];
}

function checkPlan(
  header: SweepHeader | null,
  records: readonly CellRecord[],
  lost: string | null,
): Finding {
  if (!header) {
    return lost === null
      ? { pass: true, text: "what was planned is not told, as in no file of versions 1 and 2" }
      : { pass: false, text: `what was planned is not told (${lost}): ${headerRemedy}` };
  }
  const planned = new Set(cellsToRun(header).map(keyOf));
  const part = header.shard ? ` of shard ${header.shard.index} of ${header.shard.of}` : "";
  const strange = records.filter(({ configuration }) => !planned.has(keyOf(configuration)));
  const missing = missingCells(header, records);
  return finding(
    [
      ...strange.map(({ configuration }) => `${processName(configuration)} was not planned`),
      ...missing.map((cell) =>
        `${processName(cell)} is missing: ${
          header.interleaved
            ? "run the command again, for what runs by turns cannot be resumed"
            : "run it with --resume"
        }`
      ),
    ],
    `${records.length} of ${plural(planned.size, "planned process", "planned processes")}${part}${
      toldPassedOver(header, records)
    }`,
  );
}

const afterWhat: Readonly<Record<Needless, string>> = {
  oom: "a cell that did not fit",
  timeout: "a cell that timed out",
  error: "a cell that failed",
  known: "a comparison had ended",
};

/** "; 3 passed over after a cell that did not fit, 2 after a comparison had ended" */
const toldPassedOver = (header: SweepHeader, records: readonly CellRecord[]): string =>
  [...passedOver(header, records)].map(([needless, count], place) =>
    `${place === 0 ? `; ${count} passed over` : `, ${count}`} after ${afterWhat[needless]}`
  ).join("");

function twice(records: readonly CellRecord[]): string[] {
  const groups = Map.groupBy(records, ({ configuration }) => keyOf(configuration));
  return [...groups.values()].filter(({ length }) => length > 1)
    .map(([{ configuration }, ...others]) =>
      `${processName(configuration)} is recorded ${1 + others.length} times: resume it, which keeps the first`
    );
}

function checkEndings(records: readonly CellRecord[]): Finding {
  const failed = records.filter((record) => !ran(record) && record.status !== "oom");
  const count = (status: CellRecord["status"]) => records.filter((record) => record.status === status).length;
  const counts = `${count("ok")} ok, ${count("oom")} out of memory, ${count("diverged")} diverged`;
  return finding(
    failed.map(({ configuration, message }) => `${processName(configuration)} failed: ${message}`),
    counts,
  );
}
