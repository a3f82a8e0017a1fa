import { duration, number } from "../../src/text/format.ts";
import type { Teller } from "./teller.ts";

/** The line that follows the loss: rewritten in place on a terminal, else some twenty lines a run. */
export class LossLine {
  readonly #started = performance.now();
  #shown = 0;

  constructor(
    readonly steps: number,
    readonly perStep: number,
    readonly unit: string,
    readonly teller: Pick<Teller, "write" | "isTerminal">,
  ) {}

  show(step: number, loss: number): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = step / seconds;
    if (!this.teller.isTerminal && step < this.#shown + this.steps / 20 && step < this.steps) return;
    this.#shown = step;
    const text =
      `step ${step}/${this.steps} · loss ${loss.toFixed(4)} · ${number(rate * this.perStep)} ${this.unit}/s` +
      ` · ${duration((this.steps - step) / rate)} left`;
    this.teller.write(this.teller.isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
  }

  /** Leaves the line as it stands. */
  end(): void {
    if (this.teller.isTerminal) this.teller.write("\n");
  }
}
