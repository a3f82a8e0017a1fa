import { z } from "zod";
import { UserError } from "../../src/errors.ts";
import { readBytes, withoutSlash } from "../../src/io/files.ts";
import { reason } from "./reason.ts";
import { type CellRecord, cellRecord, keyOf, schemaVersion } from "./results.ts";
import { type SweepHeader, sweepHeader, type TimesHeader, timesHeader } from "./run_header.ts";
import { upgrade } from "./upgrade.ts";

/** What a `results.jsonl` of a sweep holds. */
export interface SweepResults {
  /** Null in files of versions 1 and 2, which had none. */
  header: SweepHeader | null;
  /** In the order of the plan, where there is one, else of the file; of two of one cell and round both. */
  records: CellRecord[];
  /** Which lines are neither, and why. */
  skipped: string[];
  /** Versions of the lines, ascending. */
  versions: number[];
}

/** A sweep's report: its folder, and what that holds. */
export interface Report {
  readonly folder: string;
  readonly results: SweepResults;
}

/** The sweep of a folder. Throws a UserError if it holds none. */
export async function readReport(path: string): Promise<Report> {
  const folder = withoutSlash(path);
  const text = await readResultsText(folder);
  const kind = kindOf(text);
  if (kind === "sweep") return { folder, results: parseSweep(text, `${folder}/results.jsonl`) };
  throw new UserError(
    `${folder} holds no sweep but ${kind}, which cannot be compared; name a sweep's folder`,
  );
}

/** Of which kind the results of a folder are: a sweep, times of kernels, or what its first line says. */
export function kindOf(text: string): string {
  const first = parse(text.slice(0, text.indexOf("\n") + 1 || undefined));
  if (typeof first?.kind === "string") return first.kind;
  return "sweep";
}

/** The text of a folder's results. Throws a UserError if there are none. */
export async function readResultsText(folder: string): Promise<string> {
  const path = `${folder}/results.jsonl`;
  const bytes = await readBytes(path).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${folder} is no report of bench: ${error.message}`);
  });
  return new TextDecoder().decode(bytes);
}

/** Reads times of kernels or of steps. Throws a UserError at a line that is not whole. */
export function parseTimes<Line>(text: string): { header: TimesHeader; lines: Line[] } {
  const [first, ...rest] = text.split("\n").filter((line) => line !== "").map((line, index) => {
    try {
      const json = JSON.parse(line);
      return index === 0 ? timesHeader.parse(json) : json;
    } catch (error) {
      throw new UserError(
        `Line ${index + 1} of the results is ${reason(error)}; take it away, or measure again`,
      );
    }
  });
  if (!first) throw new UserError("The results are empty; measure again");
  return { header: first, lines: rest };
}

/** What every line of results is, of whatever version and kind. */
const anyLine = z.looseObject({ schema: z.number().optional(), kind: z.string().optional() });

/** Reads the results of a sweep, of any version. A line that is no record, such as half a one, is skipped and told. */
export function parseSweep(text: string, source = "results.jsonl"): SweepResults {
  const records: CellRecord[] = [];
  const skipped: string[] = [];
  const versions = new Set<number>();
  let header: SweepHeader | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      const json = anyLine.parse(JSON.parse(line));
      if (json.schema! > schemaVersion) {
        throw new UserError(`of version ${json.schema}: a later Headroom reads it`);
      }
      if (json.kind !== "sweep") records.push(cellRecord.parse(upgrade(json)));
      else if (index === 0) header = sweepHeader.parse(json);
      else {skipped.push(
          `${source}:${
            index + 1
          }: skipped, a second header: keep the results of each run in a folder of their own`,
        );}
      versions.add(json.schema!);
    } catch (error) {
      skipped.push(`${source}:${index + 1}: skipped, ${reason(error)}`);
    }
  }
  if (header) sortByPlan(records, header);
  return { header, records, skipped, versions: [...versions].sort() };
}

/**
 * Why the header of a sweep is not known that this version would have written first: its line cannot be read, or is not there. Null where it
 * is known, and in files of versions 1 and 2, which had none.
 */
export function lostHeader({ header, skipped, versions }: Omit<SweepResults, "records">): string | null {
  const older = versions.length > 0 && !versions.includes(schemaVersion);
  if (header || older) return null;
  const first = skipped.find((line) => line.includes(":1: skipped, "));
  return first ?? (versions.length > 0 ? "the first line is a record" : null);
}

/** What mends that: there is no other copy of it in the folder. */
export const headerRemedy = "take the first line from a copy of the folder, or run its command again";

/** What mends results without a record: only what tells its plan, and runs by itself, can be gone on with. */
export const recordRemedy = ({ header }: Pick<SweepResults, "header">): string =>
  header && !header.interleaved ? "finish a cell with `--resume`" : "run its command again";

/** A process that was run after an interruption stands at the end of the file. */
function sortByPlan(records: CellRecord[], { cells }: SweepHeader): void {
  const places = new Map(cells.map((cell, index) => [keyOf(cell), index]));
  const placeOf = ({ configuration }: CellRecord) => places.get(keyOf(configuration)) ?? cells.length;
  records.sort((a, b) => placeOf(a) - placeOf(b));
}

function parse(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
