import { UserError } from "../../src/errors.ts";
import { variantsFile } from "../../src/tuning/variants_file.ts";
import {
  headerRemedy,
  lostHeader,
  parseSweep,
  recordRemedy,
  type SweepResults,
} from "../results/read_results.ts";
import { type CellRecord, variantsOf } from "../results/results.ts";
import { missingCells } from "../sweep/outcomes.ts";
import { drawCharts } from "./chart.ts";
import { renderReport, type Run } from "./report.ts";

/**
 * The files that tell a sweep's results, by name: report, pictures, variants. `before` is the report that stands there: results of versions
 * 1 and 2 have no header, so only it tells by which command they were made. Throws a UserError if there is no record, or a header that cannot be read.
 */
export async function sweepFiles(text: string, before: string): Promise<Record<string, string>> {
  const results = parseSweep(text);
  const { records } = results;
  const lost = lostHeader(results);
  if (lost !== null) {
    throw new UserError(`The results do not tell what was planned (${lost}): ${headerRemedy}`);
  }
  if (records.length === 0) {
    throw new UserError(`The results hold no record; ${recordRemedy(results)}, or name another folder`);
  }
  refuseTwoMachines(records);
  const charts = await drawCharts(records, results.header ?? {});
  const variants = variantsOf(records);
  return {
    ...Object.fromEntries(charts.map(({ file, svg }) => [file, svg])),
    ...Object.keys(variants).length > 0 && { [variantsFile]: JSON.stringify(variants, null, 2) + "\n" },
    "report.md": renderReport(records, { ...runOf(results, before), charts }),
  };
}

/** Throws a UserError for records of different adapters or drivers: no table could tell them apart. */
function refuseTwoMachines(records: readonly CellRecord[]): void {
  const machines = [
    ...new Set(
      records.map(({ environment: { adapter, driver } }) => driver ? `${adapter} with ${driver}` : adapter),
    ),
  ];
  if (machines.length === 1) return;
  throw new UserError(
    `The results are of ${machines.length} adapters or drivers (${
      machines.join(", ")
    }), which no report can tell under one title: ` +
      "keep each in a folder of its own",
  );
}

function runOf({ header, records }: SweepResults, before: string): Omit<Run, "charts"> {
  if (header) {
    const { command, started, sources, ...told } = header;
    const missing = missingCells(header, records).length;
    return { ...told, command, started: new Date(started), sources, missing };
  }
  const { command = "deno task bench", started = records[0].started } = toldMaking(before);
  return { command, started: new Date(started), missing: null };
}

/** The command and the time of a report, as it tells them itself: results of versions 1 and 2 do not. */
export function toldMaking(report: string): { command?: string; started?: string } {
  const [, command, started] = report.match(/^Made by `([^`]+)` on (\S+),/m) ?? [];
  return { command, started };
}
