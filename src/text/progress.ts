import { duration } from "./format.ts";

/** A line on stderr that says how far a sweep is and how long it will take: rewritten in place on a terminal, else a line a step. */
export class Progress {
  readonly #terminal = Deno.stderr.isTerminal();
  readonly #seconds = new Map<string, number>();

  /** `keys` name the steps in order; steps of one key are expected to take equally long, and all to be taken, or some `at most`. */
  constructor(readonly keys: readonly string[], readonly expectation: "about" | "at most" = "about") {}

  /** Shows that step `index` begins. */
  begin(index: number, label: string): void {
    const left = this.#secondsLeft(index);
    const line = `[${index + 1}/${this.keys.length}] ${label}${
      left === null ? "" : ` · ${this.expectation} ${duration(left)} left`
    }`;
    show(this.#terminal ? `\r\x1b[K${line}` : `${line}\n`);
  }

  /** Notes how long step `index` took. */
  end(index: number, seconds: number): void {
    this.#seconds.set(this.keys[index], seconds);
  }

  /** Does step `index`, which is shown meanwhile, and notes how long it took. */
  async during<T>(index: number, label: string, work: () => T | Promise<T>): Promise<T> {
    this.begin(index, label);
    const began = performance.now();
    const done = await work();
    this.end(index, (performance.now() - began) / 1000);
    return done;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#terminal) show("\r\x1b[K");
  }

  #secondsLeft(index: number): number | null {
    const known = [...this.#seconds.values()];
    if (known.length === 0) return null;
    const mean = known.reduce((a, b) => a + b) / known.length;
    return this.keys.slice(index).reduce((sum, key) => sum + (this.#seconds.get(key) ?? mean), 0);
  }
}

function show(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // The terminal is gone, or the program that read the line: no reason to end the work.
  }
}
