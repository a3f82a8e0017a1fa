/** Signals that ask a program to end, and the exit code of one that did; Windows knows the first only. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const;
const signals = (Object.keys(codes) as (keyof typeof codes)[])
  .filter((name) => name === "SIGINT" || Deno.build.os !== "windows");

/** Hears whether the program is asked to end. */
export interface Stop {
  /** Aborted by the first such signal. The second ends the program at once, as if nobody heard. */
  readonly signal: AbortSignal;
  /** The exit code of a program that was asked; 0 if it was not. */
  code(): number;
  /** Hears no longer. */
  ignore(): void;
}

/** Begins to hear whether the program is asked to end, so that it can keep what it has. */
export function listenForStop(): Stop {
  const controller = new AbortController();
  let code = 0;
  const listeners = signals.map((name) => ({
    name,
    hear() {
      code = codes[name];
      controller.abort();
      ignore();
    },
  }));
  const ignore = () => {
    for (const { name, hear } of listeners.splice(0)) Deno.removeSignalListener(name, hear);
  };
  for (const { name, hear } of listeners) Deno.addSignalListener(name, hear);
  return { signal: controller.signal, code: () => code, ignore };
}
