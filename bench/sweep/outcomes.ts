import { type CellConfiguration, type CellMeasurement, modelOf } from "../results/results.ts";

/** What became of a cell. */
interface Outcome {
  readonly line: string;
  readonly policy: string;
  readonly sequence: number;
  readonly status: CellMeasurement["status"];
}

/** A sweep whose lengths grow until nothing fits: what became of shorter ones tells what need not be tried. */
export class GrowingLengths {
  readonly #outcomes: Outcome[] = [];

  note(cell: CellConfiguration, { status }: Pick<CellMeasurement, "status">): void {
    const { policy, sequence } = cell;
    this.#outcomes.push({ line: lineOf(cell), policy, sequence, status });
  }

  /** Whether no policy was left at the longest of the shorter lengths, so that a cell need not be told at all. */
  ended(cell: CellConfiguration): boolean {
    const shorter = this.#shorter(cell);
    const longest = Math.max(...shorter.map(({ sequence }) => sequence));
    return shorter.length > 0 &&
      !shorter.some(({ sequence, status }) => sequence === longest && status === "ok");
  }

  /** How a cell's policy failed at a shorter length; undefined if it did not. */
  failure(cell: CellConfiguration): Outcome | undefined {
    return this.#shorter(cell).find(({ policy, status }) => policy === cell.policy && status !== "ok");
  }

  #shorter(cell: CellConfiguration): Outcome[] {
    const line = lineOf(cell);
    return this.#outcomes.filter((other) => other.line === line && other.sequence < cell.sequence);
  }
}

/** What cells have in common that differ in length, and so in positions, and in the policy. */
function lineOf(cell: CellConfiguration): string {
  return JSON.stringify([{ ...modelOf(cell), name: "", positions: 0 }, cell.batch]);
}
