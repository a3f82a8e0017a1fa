import { UserError } from "../../src/errors.ts";
import type { Report } from "../results/read_results.ts";
import { type CellConfiguration, type CellRecord, keyOf, runtimeOf } from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { cellsToRun } from "./shards.ts";
import { shardOf, type WholeShard } from "./merge_shard.ts";

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

/**
 * What all shards of a sweep have in common, by the word that a refusal names it with. How its command was worded is no part of that: what
 * that asks for is in plans and options, and how long a process may take, or what is printed, changes no result.
 */
function sharedOf(header: SweepHeader): Record<string, unknown> {
  const { environment: { adapter, driver, deno, commit, dirty }, sources, data } = header;
  const { requireGpu, growing, memory, stopping, cells, longest, reinvest, frontier, peers } = header;
  return {
    "adapters": adapter,
    "drivers": driver,
    "runtimes": runtimeOf(header.environment),
    "versions of Deno": deno,
    "commits": [commit, dirty],
    "sources": sources,
    "data": data, // which its digest tells, wherever it lies
    "options": [requireGpu, growing, memory, stopping],
    "plans": cells.map(withoutMeasured),
    "numbers of shards": header.shard?.of,
    "longest sequences": longest,
    "budgets": reinvest,
    "frontiers": frontier,
    "rows of PyTorch's": peers,
  };
}

/**
 * Makes one sweep of its shards: the plan of all, with what each shard has measured for its own cells, and the records of all in the plan's
 * order; what else a header tells is the first shard's. What no shard has run is missing, as in a sweep that was interrupted. Throws a UserError
 * if the parts are no shards, not of one sweep, hold what is not theirs, or run a process twice.
 */
export function mergeSweeps(given: readonly Report[]): MergedSweep {
  const parts = given.map(shardOf).toSorted((a, b) => a.header.shard.index - b.header.shard.index);
  refuseOthers(parts);
  const headers = parts.map(({ header }) => header);
  const owners = new Map<number, number>();
  for (const [place, header] of headers.entries()) {
    if (place > 0 && headers[place - 1].shard.index === header.shard.index) {
      throw new UserError(
        `${parts[place - 1].folder} and ${
          parts[place].folder
        } are both shard ${header.shard.index}; leave one of them out`,
      );
    }
    const own = new Set(cellsToRun(header).map(keyOf));
    for (const [index, cell] of header.cells.entries()) if (own.has(keyOf(cell))) owners.set(index, place);
  }
  const [{ shard: _, ...first }] = headers;
  const cells = first.cells.map((cell, index) => headers[owners.get(index) ?? 0].cells[index] ?? cell);
  const places = new Map(cells.map((cell, index) => [keyOf(cell), index]));
  const records = parts.flatMap(({ records }) => records);
  const started = headers.map((header) => header.started).sort()[0];
  return {
    header: { ...first, command: commandOf(first), started, cells },
    records: records.sort((a, b) =>
      places.get(keyOf(a.configuration))! - places.get(keyOf(b.configuration))!
    ),
  };
}

function refuseOthers(parts: readonly WholeShard[]): void {
  const first = sharedOf(parts[0].header);
  for (const { folder, header } of parts) {
    const own = sharedOf(header);
    const different = Object.keys(first).find((name) =>
      JSON.stringify(own[name]) !== JSON.stringify(first[name])
    );
    if (different === undefined) continue;
    const told = [first, own].map((all) => all[different]).filter((value) => typeof value === "string");
    throw new UserError(
      `${parts[0].folder} and ${folder} are of different ${different}${
        told.length === 2 ? ` (${told.join(", ")})` : ""
      }, so they are no shards of one sweep; merge each sweep's by themselves`,
    );
  }
}
