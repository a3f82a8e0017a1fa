import { adapterVariables } from "../../src/adapter/adapter.ts";
import { runtimePermissions } from "../../src/adapter/runtime.ts";
import { rankEnding } from "./rank_ending.ts";

/** How long a process may take, and what ends it sooner. */
export interface ProcessLimits {
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** A process of this program: how Deno is told to run it, and how it is talked to. */
export interface ProcessOptions extends Partial<ProcessLimits> {
  readonly args: readonly string[];
  /** What starts it as several ranks, and the words before Deno's; left out, it is one process. */
  readonly launcher?: readonly string[];
  /** Whether a terminal's Ctrl-C is none of its business. */
  readonly detached?: boolean;
  /** Told on its standard input, which stays open for as long as it runs. */
  tell?(stdin: WritableStream<Uint8Array<ArrayBuffer>>): Promise<void>;
  /** Reads its standard output to the end. */
  read(child: Deno.ChildProcess): Promise<string>;
}

/** How a process ended: with a last line, and perhaps with a reason why that is no answer. */
export interface ProcessEnd {
  readonly code: number;
  /** Whether it was killed for its time. */
  readonly late: boolean;
  /** The last line that it printed; empty if there is none. */
  readonly answer: string;
  /** What to say where that is no answer. */
  readonly complaint: string;
}

/** What a user is told of a process that is killed for its time. */
export const lateMessage = ({ timeoutSeconds }: Pick<ProcessLimits, "timeoutSeconds">) =>
  `Not finished after ${timeoutSeconds} s: allow more with --timeout`;

/** Kills a process, stopped or not: by no other signal does one end that does not answer. One that has ended already is no error. */
function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** What a process that has ended printed; nothing where its own children hold its pipes open for longer than the signal allows. */
async function unlessHeld(printed: Promise<string[]>, ended: AbortSignal): Promise<string[]> {
  const nothing = Promise.withResolvers<string[]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => timer = setTimeout(() => nothing.resolve(["", ""]), 1000);
  if (ended.aborted) wait();
  else ended.addEventListener("abort", wait);
  try {
    return await Promise.race([printed, nothing.promise]);
  } finally {
    clearTimeout(timer);
    ended.removeEventListener("abort", wait);
  }
}

/**
 * Runs a process to its end, which comes with the end of this one, with the signal, or when its time is up: then it is killed, stopped or
 * not.
 */
export async function runProcess(
  { args, launcher = [], detached, tell, read, timeoutSeconds, signal: given }: ProcessOptions,
): Promise<ProcessEnd> {
  const [program, ...words] = [...launcher, Deno.execPath(), ...args];
  const child = new Deno.Command(program, {
    args: words,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
    detached,
  }).spawn();
  const timeout = timeoutSeconds === undefined ? undefined : AbortSignal.timeout(1000 * timeoutSeconds);
  const ended = AbortSignal.any([given, timeout].filter((signal) => signal !== undefined));
  const stop = () => kill(child);
  if (ended.aborted) stop();
  else ended.addEventListener("abort", stop);
  const told = tell?.(child.stdin).catch(() => {}); // a process that is gone says so by its end
  const printed = Promise.all([read(child), new Response(child.stderr).text()]);
  printed.catch(() => {}); // told where it is waited for
  const { code, signal } = await child.status;
  ended.removeEventListener("abort", stop);
  const [stdout, stderr] = await unlessHeld(printed, ended);
  await told;
  await child.stdin.close().catch(() => {});
  if (given && (signal === "SIGINT" || signal === "SIGTERM" || signal === "SIGHUP")) await toldAlike(given);
  return {
    code,
    late: (timeout?.aborted ?? false) && !given?.aborted,
    answer: lines(stdout).at(-1) ?? "",
    complaint: ending(signal, lines(stderr)) ?? saidError(lines(stderr)) ??
      rankEnding(`${stderr}\n${stdout}`) ?? complaint(lines(stderr)) ??
      `The process ended with exit code ${code} and no answer that this version reads`,
  };
}

/**
 * Flags of a process that uses the adapter of this one: it may choose the driver, load the runtime and ask how much memory there is, of the
 * system and, where that is worth it, of `nvidia-smi`.
 */
export function adapterFlags({ askDriver }: { readonly askDriver: boolean }): string[] {
  const { libraries, variables } = runtimePermissions();
  return [
    `--allow-env=${[...adapterVariables, ...variables]}`,
    ...libraries,
    "--allow-sys=systemMemoryInfo",
    ...askDriver ? ["--allow-run=nvidia-smi"] : [],
  ];
}

/** How Deno is told which program to run: this one, or that whose sources are in a folder. */
export const mainOf = (program?: string): string[] =>
  program === undefined
    ? [new URL("../main.ts", import.meta.url).href]
    : ["--config", `${program}/deno.json`, `${program}/bench/main.ts`];

function ending(signal: Deno.Signal | null, stderr: string[]): string | undefined {
  if (signal === "SIGKILL") {
    return "The process was killed (SIGKILL), as the system does when memory runs out: take a smaller --batch or model";
  }
  if (signal === null) return undefined;
  const last = signal === "SIGABRT" ? complaint(stderr) : undefined; // who aborts says why
  return `The process was ended by ${signal}${last ? `: ${last}` : ""}`;
}

/** A terminal's Ctrl-C meets both processes: waits for the news of it to arrive here, too. */
async function toldAlike(signal: AbortSignal): Promise<void> {
  const milliseconds = 300;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
    if (signal.aborted) resolve();
  });
}

/** The last error of which a process of this program tells; without its first word. */
const saidError = (stderr: string[]) =>
  stderr.findLast((line) => line.startsWith("Error: "))?.slice("Error: ".length);

/** What a process says of its own end: its last error, else its last line. */
function complaint(stderr: string[]): string | undefined {
  const opening = /^(uncaught )?(error: )+/i;
  return (stderr.findLast((line) => opening.test(line)) ?? stderr.at(-1))?.replace(opening, "");
}

/** The lines that say something: the Vulkan loader's complaint about XDG_RUNTIME_DIR does not, nor do Dawn's warnings. */
function lines(output: string): string[] {
  const all = output.split("\n").map((line) => line.trim());
  return all.filter((line) => !/^$|XDG_RUNTIME_DIR|^Warning: /.test(line));
}
