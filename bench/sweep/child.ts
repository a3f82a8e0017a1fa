import { adapterVariables } from "../../src/adapter/adapter.ts";
import { runtimePermissions } from "../../src/adapter/runtime.ts";
import { type ChildAnswer, failed, parseAnswer, unread } from "../results/results.ts";
import { grantTurn, type Job, protocol, sendJob, turnRequest } from "./job.ts";

/** How a cell's process is started. */
export interface ChildOptions {
  /** Whether `nvidia-smi` may be asked. */
  askDriver: boolean;
  timeoutSeconds: number;
  signal: AbortSignal;
  /** The folder of the program's sources, if it is another than this one. */
  program?: string;
  /** Waits for the turn of a process that asks for one. */
  turn?: () => Promise<void>;
}

/**
 * Runs one cell in a process of its own, which may read its data and nothing else, and which ends when this process does. A process that
 * crashes gives status `error` with the last error it wrote to stderr; one that takes longer than `timeoutSeconds` is killed, stopped or
 * not, and gives `timeout`.
 */
export async function runInChild(job: Job, options: ChildOptions): Promise<ChildAnswer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: childArguments(job, options),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const timeout = AbortSignal.timeout(1000 * options.timeoutSeconds);
  const ended = AbortSignal.any([options.signal, timeout]);
  const kill = () => child.kill("SIGKILL"); // what is stopped, or does not answer, ends by no other signal
  if (ended.aborted) kill();
  else ended.addEventListener("abort", kill);
  const told = sendJob(child.stdin, job).catch(() => {}); // a process that is gone says so by its end
  const [{ code, signal }, stdout, stderr] = await Promise.all([
    child.status,
    printed(child, options.turn),
    new Response(child.stderr).text(),
  ]);
  ended.removeEventListener("abort", kill);
  await told;
  await child.stdin.close().catch(() => {});
  if (signal === "SIGINT" || signal === "SIGTERM" || signal === "SIGHUP") await toldAlike(options.signal);
  if (timeout.aborted && !options.signal.aborted) {
    const message = `Not finished after ${options.timeoutSeconds} s: allow more with --timeout`;
    return unread(failed("timeout", message));
  }
  return parseAnswer(lines(stdout).at(-1) ?? "") ??
    unread(
      failed(
        "error",
        ending(signal, lines(stderr)) ?? complaint(lines(stderr)) ??
          `The process ended with exit code ${code} and no answer that this version reads`,
      ),
    );
}

/** All that a process prints, but for its requests for a turn, which are granted when it has come. */
async function printed(
  { stdout, stdin, status }: Deno.ChildProcess,
  turn = () => Promise.resolve(),
): Promise<string> {
  let text = "";
  const request = `${turnRequest}\n`;
  for await (const part of stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (!text.endsWith(request)) continue;
    text = text.slice(0, -request.length);
    await Promise.race([turn(), status]);
    await grantTurn(stdin).catch(() => {}); // as with the job
  }
  return text;
}

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

/** Whether the program in a folder understands jobs as this one means them. */
export async function speaksOurProtocol(program: string): Promise<boolean> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...mainOf(program), "cell", "--protocol"],
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim() === protocol();
}

/** How Deno is told which program to run. */
const mainOf = (program: string | undefined): string[] =>
  program === undefined
    ? [new URL("../main.ts", import.meta.url).href]
    : ["--config", `${program}/deno.json`, `${program}/bench/main.ts`];

function childArguments({ paths }: Job, { askDriver, program }: ChildOptions): string[] {
  const given = [paths.data, paths.images].filter((path) => path !== undefined);
  const read = given.some((path) => path.includes(",")) // a comma separates paths
    ? ["--allow-read"]
    : given.length > 0
    ? [`--allow-read=${given.join(",")}`]
    : [];
  const { libraries, variables } = runtimePermissions();
  return [
    "run",
    "--no-prompt",
    ...read,
    `--allow-env=${[...adapterVariables, ...variables]}`,
    ...libraries,
    ...askDriver ? ["--allow-run=nvidia-smi"] : [],
    ...mainOf(program),
    "cell",
  ];
}

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
