import {
  type CellConfiguration,
  type CellMeasurement,
  type CellRecord,
  keyOf,
  modelOf,
  ran,
} from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { Comparisons } from "./comparisons.ts";
import { cellsToRun } from "./shards.ts";
import { asFarAsOneTells, untilPrecise } from "./stopping.ts";

type Status = CellMeasurement["status"];

/** How a process came to no end. */
type Failure = Exclude<Status, "ok" | "diverged">;

/** Why a process need not be run: how its cell, or all policies at a shorter length, came to no end; or its comparison had ended. */
export type Needless = Failure | "known";

const failureOf = (status: Status): Failure | undefined =>
  status === "ok" || status === "diverged" ? undefined : status;

/** What became of a process. */
interface Outcome {
  readonly cell: CellConfiguration;
  readonly line: string;
  readonly status: Status;
}

/** What of a sweep's header says which processes need not be run. */
export type Endings = Pick<SweepHeader, "growing" | "stopping" | "interleaved">;

/** When the comparisons of a sweep end, by its records alone. */
function ruleOf({ stopping, interleaved }: Endings) {
  if (interleaved?.until) return asFarAsOneTells(interleaved.until);
  return stopping && untilPrecise(stopping);
}

/**
 * What became of a sweep's processes so far, and so which of the others need not be run: later rounds of a cell that did not run to its
 * end, those that only time where speeds are known well enough, and, where lengths grow until nothing fits, a policy at longer ones.
 */
export class Outcomes {
  readonly #outcomes: Outcome[] = [];
  readonly #givenUp = new Map<string, Failure>();

  /** @param side whose the processes are, where two programs share the comparisons */
  constructor(
    readonly endings: Endings,
    readonly comparisons = new Comparisons(ruleOf(endings)),
    readonly side?: number,
  ) {}

  note(
    configuration: CellConfiguration,
    { status, timing, seconds }: Pick<CellRecord, "status" | "timing" | "seconds">,
  ): void {
    this.#outcomes.push({ cell: configuration, line: lineOf(configuration), status });
    const failure = failureOf(status);
    if (failure) this.#givenUp.set(nameOf(configuration), failure);
    this.comparisons.note({ configuration, status, timing, seconds, side: this.side });
  }

  /** Whether a process need not be told at all. */
  passesOver(cell: CellConfiguration): boolean {
    return this.needless(cell) !== undefined;
  }

  /**
   * Why a process need not be told at all: its cell was given up in an earlier round, its comparison came to its end, or no policy was left at
   * a shorter length. Undefined if it is to be run.
   */
  needless(cell: CellConfiguration): Needless | undefined {
    const failed = this.#givenUp.get(nameOf(cell));
    if (failed) return failed;
    if (this.comparisons.settles(cell)) return "known";
    return this.endings.growing ? this.#ended(cell) : undefined;
  }

  /** How a cell's policy failed at a shorter length, where lengths grow; undefined if it did not. */
  failure(cell: CellConfiguration): { status: Status; sequence: number } | undefined {
    if (!this.endings.growing) return undefined;
    const failed = this.#shorter(cell).find((other) => other.cell.policy === cell.policy && !ran(other));
    return failed && { status: failed.status, sequence: failed.cell.sequence };
  }

  /** How the last policies failed at the longest of the shorter lengths; undefined if one is left. */
  #ended(cell: CellConfiguration): Failure | undefined {
    const shorter = this.#shorter(cell);
    const longest = Math.max(...shorter.map(({ cell: { sequence } }) => sequence));
    const last = shorter.filter((other) => other.cell.sequence === longest);
    return last.some(ran) ? undefined : last[0] && failureOf(last[0].status);
  }

  #shorter(cell: CellConfiguration): Outcome[] {
    const line = lineOf(cell);
    return this.#outcomes.filter((other) => other.line === line && other.cell.sequence < cell.sequence);
  }
}

/** A plan, or its shard, and when it ends. */
type Plan = Pick<SweepHeader, "cells" | "shard"> & Endings;

/** The processes of a plan, or of its shard, that ought to have a record and have none. */
export const missingCells = (header: Plan, records: readonly CellRecord[]): CellConfiguration[] =>
  unrecorded(header, records).flatMap(({ cell, needless }) => needless ? [] : [cell]);

/** How many processes of a plan, or of its shard, need no record and have none, by what made them needless. */
export function passedOver(header: Plan, records: readonly CellRecord[]): Map<Needless, number> {
  const counts = new Map<Needless, number>();
  for (const { needless } of unrecorded(header, records)) {
    if (needless) counts.set(needless, (counts.get(needless) ?? 0) + 1);
  }
  return counts;
}

function unrecorded(
  header: Plan,
  records: readonly CellRecord[],
): { cell: CellConfiguration; needless: Needless | undefined }[] {
  const outcomes = new Outcomes(header);
  const recorded = new Map(records.map((record) => [keyOf(record.configuration), record]));
  return cellsToRun(header).flatMap((cell) => {
    const record = recorded.get(keyOf(cell));
    if (!record) return [{ cell, needless: outcomes.needless(cell) }];
    outcomes.note(cell, record);
    return [];
  });
}

/** What all rounds of a cell have in common: of what was re-invested also in what, for which `exact`, and whether for equal time. */
function nameOf({ model, sequence, batch, policy, ranks, reinvested }: CellConfiguration): string {
  const invested = reinvested && { ...reinvested, pace: reinvested.pace !== undefined };
  return JSON.stringify([model, sequence, batch, policy, ranks, invested]);
}

/** What cells have in common that differ in length, and so in positions, and in the policy. */
function lineOf(cell: CellConfiguration): string {
  return JSON.stringify([{ ...modelOf(cell), name: "", positions: 0 }, cell.batch, cell.ranks]);
}
