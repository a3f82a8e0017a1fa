import { adapterVariables } from "../src/gpu/adapter.ts";
import { type CellConfiguration, type CellMeasurement, failed, parseMeasurement } from "./results.ts";

/** How a cell's process is started. */
export interface ChildOptions {
  /** File with the text to train on. */
  dataPath: string;
  requireGpu: boolean;
  /** Whether `nvidia-smi` may be asked. */
  askDriver: boolean;
  timeoutSeconds: number;
  signal: AbortSignal;
}

/**
 * Runs one cell in a process of its own, which may read its data and nothing else. A process that crashes gives status `error` with the
 * last line it wrote to stderr; one that takes longer than `timeoutSeconds` is ended and gives `timeout`.
 */
export async function runInChild(cell: CellConfiguration, options: ChildOptions): Promise<CellMeasurement> {
  const timeout = AbortSignal.timeout(1000 * options.timeoutSeconds);
  const command = new Deno.Command(Deno.execPath(), {
    args: childArguments(cell, options),
    stdin: "null",
    signal: AbortSignal.any([options.signal, timeout]),
  });
  const { code, signal, stdout, stderr } = await command.output();
  if (timeout.aborted) {
    return failed("timeout", `Not finished after ${options.timeoutSeconds} s: allow more with --timeout`);
  }
  const measurement = parseMeasurement(lastLine(stdout));
  return measurement ??
    failed("error", lastLine(stderr) || `The process ended with ${signal ?? `exit code ${code}`}`);
}

function childArguments(
  cell: CellConfiguration,
  { dataPath, requireGpu, askDriver }: ChildOptions,
): string[] {
  return [
    "run",
    "--no-prompt",
    `--allow-read=${dataPath}`,
    `--allow-env=${adapterVariables}`,
    ...askDriver ? ["--allow-run=nvidia-smi"] : [],
    new URL("main.ts", import.meta.url).href,
    "cell",
    `--data=${dataPath}`,
    ...requireGpu ? ["--require-gpu"] : [],
    JSON.stringify(cell),
  ];
}

/** The last line that says something: the Vulkan loader's complaint about XDG_RUNTIME_DIR does not. */
function lastLine(output: Uint8Array): string {
  const lines = new TextDecoder().decode(output).split("\n").map((line) => line.trim());
  return lines.findLast((line) => line !== "" && !line.includes("XDG_RUNTIME_DIR")) ?? "";
}
