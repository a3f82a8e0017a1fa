import { NoAdapterError } from "../../src/adapter/adapter.ts";
import { withoutSlash } from "../../src/io/files.ts";
import { UserError } from "../../src/errors.ts";
import { plural } from "../../src/text/format.ts";
import { Interruption } from "../machine/interruption.ts";
import { describeRun } from "../machine/run.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { headerRemedy, kindOf, lostHeader, parseSweep, readResultsText } from "../results/read_results.ts";
import { adapterTitle, type CellRecord, keyOf, ran, runtimeOf } from "../results/results.ts";
import { ResultsFile } from "../results/results_file.ts";
import type { SweepHeader, TimesHeader } from "../results/run_header.ts";
import { missingCells } from "../sweep/outcomes.ts";
import { requireRanks } from "../processes/on_ranks.ts";
import { cellsToRun } from "../sweep/shards.ts";
import { builderOptions, loadAll, planner, usualTimeout } from "./run_bench.ts";
import { runPlan } from "./run_plan.ts";

/**
 * Goes on with the sweep of a folder: runs what has no record, and what failed or timed out. Returns the exit code, as `runPlan` does. Throws
 * a UserError if the folder is none of a sweep of this version, or what it was begun with has changed.
 */
export async function resumeBench(
  path: string,
  { timeout, json }: { timeout?: number; json: boolean },
): Promise<number> {
  const folder = withoutSlash(path);
  const { text, header, records } = await resumable(folder);
  await requireRanks(header.cells);
  const adapter = await ensureAdapterEnvironment({ ...header, runtime: runtimeOf(header.environment) })
    .catch((error) => refuseElsewhere(folder, header, error));
  const now = await describeRun(adapter, new Date());
  const dataOf = await loadAll(header.cells, header.paths);
  refuseChanges(header, { ...now, data: [...new Set(header.cells.map((cell) => dataOf(cell).report))] });
  const kept = keptRecords(records);
  const missing = missingCells(header, kept).length;
  const results = await ResultsFile.continue(
    `${folder}/results.jsonl`,
    [header, ...kept].map((line) => JSON.stringify(line)),
    text,
  );
  console.error(
    `${header.stopping ? "At most " : ""}${missing} of ${
      plural(cellsToRun(header).length, "process", "processes")
    } are left to run`,
  );
  const plan = planner(dataOf, await builderOptions(header), header.memory ?? undefined);
  const interruption = new Interruption();
  try {
    const host = {
      dataOf,
      plan,
      timeoutSeconds: timeout ?? header.timeout ?? usualTimeout,
      interruption,
      json,
    };
    return await runPlan([{ folder, header, results }], host);
  } finally {
    interruption.stop();
  }
}

/** The records that a resumption leaves as they are: of what ran or found no memory, each process's first. */
export function keptRecords(records: readonly CellRecord[]): CellRecord[] {
  const ended = records.filter((record) => ran(record) || record.status === "oom");
  const byProcess = Map.groupBy(ended, ({ configuration }) => keyOf(configuration));
  return [...byProcess.values()].map(([first]) => first);
}

async function resumable(
  folder: string,
): Promise<{ text: string; header: SweepHeader; records: CellRecord[] }> {
  const text = await readResultsText(folder);
  if (kindOf(text) !== "sweep") {
    throw new UserError(
      `${folder} holds no sweep but ${kindOf(text)}, which are measured again from the start`,
    );
  }
  const results = parseSweep(text);
  const { header, records } = results;
  if (header?.interleaved) {
    throw new UserError(
      `${folder} was run by turns with another commit, and pairs of different hours would be none; run its command again`,
    );
  }
  if (header) return { text, header, records };
  const lost = lostHeader(results);
  if (lost !== null) {
    throw new UserError(
      `${folder} does not tell what was planned (${lost}), so nothing can be resumed: ${headerRemedy}`,
    );
  }
  throw new UserError(
    `${folder} does not tell what was planned, so nothing can be resumed; run its command again`,
  );
}

/** Throws a UserError for a GPU's sweep where none answers; other errors as they are. */
function refuseElsewhere(folder: string, { environment, requireGpu }: SweepHeader, error: unknown): never {
  if (!(error instanceof NoAdapterError) || !requireGpu) throw error;
  throw new UserError(
    `${folder} was begun on ${
      adapterTitle(environment)
    }, and no GPU answers here: resume it there, or see what a card of this ` +
      "machine lacks by `deno task doctor`",
    { cause: error },
  );
}

/** Throws a UserError that names what is not as it was when a sweep began. */
function refuseChanges(
  before: SweepHeader,
  now: Omit<TimesHeader, "kind"> & Pick<SweepHeader, "data">,
): void {
  const told = ({ environment: { adapter, driver, deno, os, cpu }, sources, data }: typeof now) =>
    Object.entries({
      "the adapter": adapter,
      "its driver": driver,
      "Deno": deno,
      "the system": os,
      "the processor": cpu,
      "the program's sources": sources,
      "the data": data.map(({ digest }) => digest).join(", "),
    });
  const changes = told(before).flatMap(([name, was], index) => {
    const [, is] = told(now)[index];
    return was === is ? [] : `${name} (${was}, now ${is})`;
  });
  if (changes.length === 0) return;
  const commit = before.environment.commit;
  const back = commit ? `; it began at commit ${commit.slice(0, 12)}` : "";
  throw new UserError(
    `Since this sweep began, ${
      changes.join(" and ")
    } changed, so its cells could not be compared: restore that, or begin anew${back}`,
  );
}
