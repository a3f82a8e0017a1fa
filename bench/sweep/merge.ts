import { resumeCommand } from "../machine/run.ts";
import { UserError } from "../../src/errors.ts";
import type { Report } from "../results/read_results.ts";
import { type CellConfiguration, type CellRecord, keyOf, runtimeOf } from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { cellsToRun } from "./shards.ts";

/** A sweep as if one process had run it. */
export interface MergedSweep {
  readonly header: SweepHeader;
  readonly records: readonly CellRecord[];
}

/** The command line without what tells shards of one sweep apart. */
const commandOf = ({ command }: SweepHeader) =>
  command.replace(/ --(shard|out)[ =](?:\$?'(?:[^'\\]|\\.)*'|\S)+/g, "");

/** What is measured shard by shard, each for its own cells: variants, and steps that take another's time. */
function withoutMeasured({ variants: _, ...cell }: CellConfiguration): Partial<CellConfiguration> {
  if (!cell.reinvested?.pace) return cell;
  const { qualitySteps: __, schedule: ___, reinvested: { pace: ____, ...reinvested }, ...rest } = cell;
  return { ...rest, reinvested };
}

/** What all shards of a sweep have in common, by the word that a refusal names it with. */
function sharedOf(header: SweepHeader): Record<string, unknown> {
  const { environment: { adapter, driver, deno, commit, dirty }, sources, data, paths } = header;
  const { requireGpu, growing, memory, cells } = header;
  return {
    "commands": commandOf(header),
    "adapters": adapter,
    "drivers": driver,
    "runtimes": runtimeOf(header.environment),
    "versions of Deno": deno,
    "commits": [commit, dirty],
    "sources": sources,
    "data": [data, paths],
    "options": [requireGpu, growing, memory],
    "plans": cells.map(withoutMeasured),
    "numbers of shards": header.shard?.of,
  };
}

/**
 * Makes one sweep of its shards: the plan of all, with what each shard has measured for its own cells, and the records of all in the plan's order. What no shard has run is
 * missing, as in a sweep that was interrupted. Throws a UserError if the parts are no shards, not of one sweep, or run a process twice.
 */
export function mergeSweeps(parts: readonly Report[]): MergedSweep {
  const headers = parts.map(headerOf);
  refuseOthers(parts, headers);
  const owners = new Map<number, number>();
  for (const [place, header] of headers.entries()) {
    const twice = headers.findIndex((other) => other.shard!.index === header.shard!.index);
    if (twice < place) {
      throw new UserError(
        `${parts[twice].folder} and ${parts[place].folder} are both shard ${
          header.shard!.index
        }; leave one of them out`,
      );
    }
    const own = new Set(cellsToRun(header).map(keyOf));
    for (const [index, cell] of header.cells.entries()) if (own.has(keyOf(cell))) owners.set(index, place);
  }
  const [{ shard: _, ...first }] = headers;
  const cells = first.cells.map((cell, index) => headers[owners.get(index) ?? 0].cells[index] ?? cell);
  const places = new Map(cells.map((cell, index) => [keyOf(cell), index]));
  const records = parts.flatMap(({ folder, results: { records } }) => {
    const strange = records.find(({ configuration }) => !places.has(keyOf(configuration)));
    if (strange) {
      throw new UserError(
        `${folder} holds a record that was not planned; \`check ${folder}\` says which`,
      );
    }
    return records;
  });
  const started = headers.map((header) => header.started).sort()[0];
  return {
    header: { ...first, command: commandOf(first), started, cells },
    records: records.sort((a, b) =>
      places.get(keyOf(a.configuration))! - places.get(keyOf(b.configuration))!
    ),
  };
}

function headerOf({ folder, results: { header, skipped } }: Report): SweepHeader {
  if (skipped.length > 0) {
    throw new UserError(
      `${folder} is not whole (${skipped[0]}); resume it with \`${resumeCommand(folder)}\``,
    );
  }
  if (header?.shard) return header;
  throw new UserError(`${folder} is no shard of a sweep; name folders that \`bench --shard I/N\` has left`);
}

function refuseOthers(parts: readonly Report[], headers: readonly SweepHeader[]): void {
  const first = sharedOf(headers[0]);
  for (const [place, header] of headers.entries()) {
    const own = sharedOf(header);
    const different = Object.keys(first).find((name) =>
      JSON.stringify(own[name]) !== JSON.stringify(first[name])
    );
    if (different === undefined) continue;
    const told = [first, own].map((all) => all[different]).filter((value) => typeof value === "string");
    throw new UserError(
      `${parts[0].folder} and ${parts[place].folder} are of different ${different}${
        told.length === 2 ? ` (${told.join(", ")})` : ""
      }, so they are no shards of one sweep; merge each sweep's by themselves`,
    );
  }
}
