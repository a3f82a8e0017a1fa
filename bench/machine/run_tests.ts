/**
 * `deno task test`: Deno's own test runner, started where an adapter answers, in several processes. On NVIDIA one process can open 63
 * devices, and `GPUDevice.destroy()` gives none back; `deno test` runs all its files in one, and most of them open a device.
 */

import { runtimePermissions, runtimes } from "../../src/adapter/runtime.ts";
import { oneOf } from "../../src/suggest.ts";
import { printJson } from "../../src/text/print_json.ts";
import { type AdapterOptions, ensureAdapterEnvironment } from "./start.ts";
import { countTestFiles, groupArguments } from "./test_groups.ts";
import {
  closingLines,
  failedTests,
  type GroupResult,
  lastFile,
  readSummary,
  summarizeTests,
} from "./test_summary.ts";

/** Passed on, so that the test runners end with this program; Windows knows the first only. */
const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** What tests use: temporary files, the command line as a process, and its environment. */
const permissions = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys",
];

/** Groups that run at once: more than cores, since a wait for a device takes ten milliseconds, and tests wait for processes, too. */
const atOnce = Math.min(6, navigator.hardwareConcurrency + 1);

/**
 * Runs `deno test` on groups of test files and prints their outputs one after another; then the tests that failed, where they stand far
 * above, and one line "N passed, N failed"; with `--json` a document on stdout in place of these, and all else on stderr.
 *
 * @param args paths and flags for `deno test`; `--require-gpu`, `--runtime` and `--json` among them are this project's own
 * @returns 0, or the exit code of the first group that failed
 */
export async function runTests(
  args: string[],
  { requireGpu = false, runtime, json = false }: Partial<AdapterOptions> & { json?: boolean } = {},
): Promise<number> {
  const asJson = json || args.includes("--json");
  const gpuOnly = requireGpu || args.includes("--require-gpu");
  const told = args.indexOf("--runtime");
  const wanted = told < 0 ? runtime : oneOf("runtime", args[told + 1] ?? "", runtimes);
  await ensureAdapterEnvironment({ requireGpu: gpuOnly, runtime: wanted });
  const others = told < 0 ? args : args.toSpliced(told, 2);
  const forwarded = others.filter((argument) => !["--", "--require-gpu", "--json"].includes(argument));
  const groups = groupArguments(forwarded, countTestFiles(forwarded), atOnce);
  const processes = new TestProcesses(gpuOnly);
  try {
    if (groups.length > 1) {
      // Types are checked once and kept: groups that start together would each do it.
      const { code } = await processes.start(["--no-run", ...forwarded], "inherit").status;
      if (code !== 0) return code;
    }
    const results = await runGroups(groups, processes, asJson ? Deno.stderr : undefined);
    if (asJson) printJson(summarizeTests(results));
    else for (const line of closingLines(results)) console.log(line);
    return results.find(({ code }) => code !== 0)?.code ?? (processes.stopped ? 1 : 0);
  } finally {
    processes.close();
  }
}

/** Runs groups, some at once, and prints the output of each as it comes, once those before it are printed: to `only`, where that is told. */
async function runGroups(groups: string[][], processes: TestProcesses, only?: Sink): Promise<GroupResult[]> {
  const results: Promise<GroupResult>[] = [];
  let printed = Promise.resolve("");
  const runOneByOne = async () => {
    while (results.length < groups.length && !processes.stopped) {
      const child = processes.start(groups[results.length], "piped");
      const output = outputOf(child);
      const text = printed = printed.then(() => print(output, only));
      results.push(resultOf(child.status, text));
      await child.status;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runOneByOne));
  return Promise.all(results);
}

async function resultOf(status: Promise<Deno.CommandStatus>, text: Promise<string>): Promise<GroupResult> {
  const { code, signal } = await status;
  const output = await text;
  return {
    code,
    signal,
    summary: readSummary(output),
    failures: failedTests(output),
    lastFile: lastFile(output),
  };
}

/** Test runners that get the signals which this program gets. */
class TestProcesses {
  stopped = false;
  readonly #running = new Set<Deno.ChildProcess>();
  readonly #env: Record<string, string> = {};
  readonly #forwards = signals.map((signal) => ({ signal, to: () => this.#stop(signal) }));

  constructor(gpuOnly: boolean) {
    if (gpuOnly) this.#env.HEADROOM_ADAPTER = "gpu";
    if (Deno.stdout.isTerminal() && !Deno.noColor) this.#env.FORCE_COLOR = "1"; // pipes hide the terminal
    for (const { signal, to } of this.#forwards) Deno.addSignalListener(signal, to);
  }

  /** Starts `deno test`; its output goes where that of this program goes, or to the caller. */
  start(args: string[], output: "inherit" | "piped"): Deno.ChildProcess {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", ...permissions, ...runtimePermissions().libraries, ...args],
      env: this.#env,
      stdout: output,
      stderr: output,
    }).spawn();
    this.#running.add(child);
    child.status.finally(() => this.#running.delete(child));
    return child;
  }

  close(): void {
    for (const { signal, to } of this.#forwards) Deno.removeSignalListener(signal, to);
  }

  #stop(signal: Deno.Signal): void {
    this.stopped = true;
    for (const child of this.#running) child.kill(signal);
  }
}

type Sink = typeof Deno.stdout | typeof Deno.stderr;

/** What a process writes, in the order in which it arrives; kept until it is read. */
function outputOf(child: Deno.ChildProcess): ReadableStream<[Sink, Uint8Array]> {
  return new ReadableStream({
    async start(controller) {
      const read = async (source: ReadableStream<Uint8Array>, sink: Sink) => {
        for await (const bytes of source) controller.enqueue([sink, bytes]);
      };
      await Promise.all([read(child.stdout, Deno.stdout), read(child.stderr, Deno.stderr)]);
      controller.close();
    },
  });
}

/** Passes an output on; returns what of it came from stdout. */
async function print(output: ReadableStream<[Sink, Uint8Array]>, only?: Sink): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const [sink, bytes] of output) {
    const to = only ?? sink;
    for (let written = 0; written < bytes.length;) written += await to.write(bytes.subarray(written));
    if (sink === Deno.stdout) text += decoder.decode(bytes, { stream: true });
  }
  return text;
}
