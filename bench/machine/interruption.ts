/** Signals that ask a program to end, and the exit code of one that did as asked. */
const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

type Name = keyof typeof codes;

const signals = (Deno.build.os === "windows" ? ["SIGINT"] : Object.keys(codes)) as Name[];

/** `deno task` passes on the Ctrl-C that the terminal has sent to everyone: so long, a second one is the first. */
const sameMilliseconds = 1000;

/** Turns the first request to end into an abort, until `stop`; one that comes later ends the program at once. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #listeners = signals.map((name) => [name, () => this.#hear(name)] as const);
  #heard: { name: Name; at: number } | null = null;

  constructor() {
    for (const [name, listener] of this.#listeners) Deno.addSignalListener(name, listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code; null if nobody asked. */
  get code(): number | null {
    return this.#heard && codes[this.#heard.name];
  }

  stop(): void {
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }

  #hear(name: Name): void {
    const now = performance.now();
    if (this.#heard && now - this.#heard.at > sameMilliseconds) Deno.exit(codes[name]);
    this.#heard ??= { name, at: now };
    this.#controller.abort();
  }
}
