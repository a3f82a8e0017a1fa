import { UserError } from "../../src/errors.ts";
import { readRecords } from "../results/results.ts";
import { writeReport } from "./write_report.ts";

/**
 * Writes a folder's report and pictures again from its records, as this version words them. Returns the exit code. Throws a UserError if
 * the folder has no records of this version.
 */
export async function renderAgain(path: string): Promise<number> {
  const folder = path.replace(/\/+$/, "");
  const { records, skipped } = await readRecords(`${folder}/results.jsonl`).catch((error) => {
    throw new UserError(`Cannot read the records of ${folder}: ${(error as Error).message}`);
  });
  for (const line of skipped) console.error(line);
  if (records.length === 0) {
    throw new UserError(
      `${folder}/results.jsonl holds no record of this version; name a folder that bench has left`,
    );
  }
  // Only the report tells by which command it was made.
  const before = await Deno.readTextFile(`${folder}/report.md`).catch(() => "");
  const [, command = "deno task bench", started = records[0].started] =
    before.match(/^Made by `([^`]+)` on (\S+),/m) ?? [];
  await writeReport(folder, records, {
    command,
    started: new Date(started),
    planned: records.length,
    interrupted: before.includes("**Interrupted**"),
  });
  console.log(`Written again: ${folder}/report.md`);
  return 0;
}
