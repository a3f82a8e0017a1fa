import { UserError } from "../../src/errors.ts";
import { resumeCommand } from "../machine/run.ts";
import { headerRemedy, lostHeader, type Report } from "../results/read_results.ts";
import { processName } from "../results/process_name.ts";
import { type CellRecord, keyOf, runtimeOf } from "../results/results.ts";
import type { Shard, SweepHeader } from "../results/run_header.ts";
import { cellsToRun } from "./shards.ts";

/** A shard of a sweep, as it was left. */
export interface WholeShard {
  readonly folder: string;
  readonly header: SweepHeader & { readonly shard: Shard };
  readonly records: readonly CellRecord[];
}

/** Throws a UserError for a report that is no shard, of which a line cannot be read, or whose records are not its own, each once. */
export function shardOf({ folder, results }: Report): WholeShard {
  const { header, records, skipped } = results;
  const lost = lostHeader(results);
  if (lost !== null) {
    throw new UserError(`${folder} does not tell what was planned (${lost}): ${headerRemedy}`);
  }
  if (skipped.length > 0) {
    throw new UserError(
      `${folder} is not whole (${skipped[0]}); resume it with \`${resumeCommand(folder)}\``,
    );
  }
  if (!header?.shard) {
    throw new UserError(`${folder} is no shard of a sweep; name folders that \`bench --shard I/N\` has left`);
  }
  const own = { folder, header: { ...header, shard: header.shard }, records };
  refuseStrangers(own);
  return own;
}

function refuseStrangers({ folder, header, records }: WholeShard): void {
  const planned = new Set(cellsToRun(header).map(keyOf));
  const wanted = makingOf(header);
  const seen = new Set<string>();
  for (const record of records) {
    const key = keyOf(record.configuration);
    const name = processName(record.configuration);
    if (seen.has(key)) {
      throw new UserError(
        `${folder} holds ${name} twice; resume it with \`${resumeCommand(folder)}\`, which keeps one of them`,
      );
    }
    const why = !planned.has(key)
      ? `is none of shard ${header.shard.index}`
      : makingOf(record) !== wanted
      ? "is of another adapter, program or commit than its header"
      : null;
    if (why) {
      throw new UserError(
        `${folder} holds a record that ${why} (${name}); ` +
          `take its line out of ${folder}/results.jsonl, or run the shard again`,
      );
    }
    seen.add(key);
  }
}

/** What made a record: nobody resumes a shard with another. */
function makingOf({ environment }: Pick<CellRecord, "environment">): string {
  const { adapter, driver, deno, commit, dirty } = environment;
  return JSON.stringify([adapter, driver, runtimeOf(environment), deno, commit, dirty]);
}
