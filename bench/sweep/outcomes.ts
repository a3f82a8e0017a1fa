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
  readonly #givenUp = new Set<string>();

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
    if (!ran({ status })) this.#givenUp.add(nameOf(configuration));
    this.comparisons.note({ configuration, status, timing, seconds, side: this.side });
  }

  /**
   * Whether a process need not be told at all: its cell was given up in an earlier round, its comparison came to its end, or no policy was
   * left at a shorter length.
   */
  passesOver(cell: CellConfiguration): boolean {
    return this.#givenUp.has(nameOf(cell)) || this.comparisons.settles(cell) ||
      this.endings.growing && this.#ended(cell);
  }

  /** How a cell's policy failed at a shorter length, where lengths grow; undefined if it did not. */
  failure(cell: CellConfiguration): { status: Status; sequence: number } | undefined {
    if (!this.endings.growing) return undefined;
    const failed = this.#shorter(cell).find((other) => other.cell.policy === cell.policy && !ran(other));
    return failed && { status: failed.status, sequence: failed.cell.sequence };
  }

  #ended(cell: CellConfiguration): boolean {
    const shorter = this.#shorter(cell);
    const longest = Math.max(...shorter.map(({ cell: { sequence } }) => sequence));
    return shorter.length > 0 &&
      !shorter.some((other) => other.cell.sequence === longest && ran(other));
  }

  #shorter(cell: CellConfiguration): Outcome[] {
    const line = lineOf(cell);
    return this.#outcomes.filter((other) => other.line === line && other.cell.sequence < cell.sequence);
  }
}

/** The processes of a plan, or of its shard, that ought to have a record and have none. */
export function missingCells(
  header: Pick<SweepHeader, "cells" | "shard"> & Endings,
  records: readonly CellRecord[],
): CellConfiguration[] {
  const outcomes = new Outcomes(header);
  const recorded = new Map(records.map((record) => [keyOf(record.configuration), record]));
  return cellsToRun(header).filter((cell) => {
    const record = recorded.get(keyOf(cell));
    if (record) outcomes.note(cell, record);
    return !record && !outcomes.passesOver(cell);
  });
}

const nameOf = ({ model, sequence, batch, policy, ranks }: CellConfiguration) =>
  JSON.stringify([model, sequence, batch, policy, ranks]);

/** What cells have in common that differ in length, and so in positions, and in the policy. */
function lineOf(cell: CellConfiguration): string {
  return JSON.stringify([{ ...modelOf(cell), name: "", positions: 0 }, cell.batch, cell.ranks]);
}
