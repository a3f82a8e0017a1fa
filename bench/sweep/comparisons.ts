import type { CellConfiguration } from "../results/results.ts";
import { type Rule, stopBefore, type Timed } from "./stopping.ts";

/** What was timed so far of each model, length, batch and number of ranks, and so whether further rounds of it are needed. */
export class Comparisons {
  readonly #timed = new Map<string, Timed[]>();

  /** @param rule when a comparison ends; without one every planned round is run */
  constructor(readonly rule?: Rule) {}

  note(process: Timed): void {
    if (!process.configuration.again) this.#of(process.configuration).push(process);
  }

  /** Whether a process that only times need not be run any more. */
  settles(cell: CellConfiguration): boolean {
    if (!this.rule || cell.qualitySteps > 0 || cell.again) return false;
    return stopBefore(cell.round, this.#of(cell), this.rule) !== null;
  }

  #of({ model, sequence, batch, ranks }: CellConfiguration): Timed[] {
    const name = JSON.stringify([model, sequence, batch, ranks]);
    if (!this.#timed.has(name)) this.#timed.set(name, []);
    return this.#timed.get(name)!;
  }
}
