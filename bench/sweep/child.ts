import { adapterVariables } from "../../src/adapter/adapter.ts";
import {
  type CellConfiguration,
  type CellMeasurement,
  failed,
  parseMeasurement,
} from "../results/results.ts";

/** How a cell's process is started. */
export interface ChildOptions {
  /** File with the text to train on, and CIFAR's files or folder, where they are given. */
  dataPath?: string;
  imagesPath?: string;
  requireGpu: boolean;
  /** Whether `nvidia-smi` may be asked. */
  askDriver: boolean;
  timeoutSeconds: number;
  signal: AbortSignal;
}

/**
 * Runs one cell in a process of its own, which may read its data and nothing else. A process that crashes gives status `error` with the
 * last error it wrote to stderr; one that takes longer than `timeoutSeconds` is ended and gives `timeout`.
 */
export async function runInChild(cell: CellConfiguration, options: ChildOptions): Promise<CellMeasurement> {
  const timeout = AbortSignal.timeout(1000 * options.timeoutSeconds);
  const command = new Deno.Command(Deno.execPath(), {
    args: childArguments(cell, options),
    stdin: "null",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.any([options.signal, timeout]),
  });
  const { code, signal, stdout, stderr } = await command.output();
  if (timeout.aborted) {
    return failed("timeout", `Not finished after ${options.timeoutSeconds} s: allow more with --timeout`);
  }
  const ending = signal ?? `exit code ${code}`;
  return parseMeasurement(lines(stdout).at(-1) ?? "") ??
    failed("error", complaint(lines(stderr)) ?? `The process ended with ${ending}`);
}

function childArguments(
  cell: CellConfiguration,
  { dataPath, imagesPath, requireGpu, askDriver }: ChildOptions,
): string[] {
  const paths = [dataPath, imagesPath].filter((path) => path !== undefined);
  const read = paths.some((path) => path.includes(",")) // a comma separates paths
    ? ["--allow-read"]
    : paths.length > 0
    ? [`--allow-read=${paths.join(",")}`]
    : [];
  return [
    "run",
    "--no-prompt",
    ...read,
    `--allow-env=${adapterVariables}`,
    ...askDriver ? ["--allow-run=nvidia-smi"] : [],
    new URL("../main.ts", import.meta.url).href,
    "cell",
    ...dataPath ? [`--data=${dataPath}`] : [],
    ...imagesPath ? [`--images=${imagesPath}`] : [],
    ...requireGpu ? ["--require-gpu"] : [],
    JSON.stringify(cell),
  ];
}

/** What a process says of its own end: its last error, else its last line. */
function complaint(stderr: string[]): string | undefined {
  const opening = /^(uncaught )?(error: )+/i;
  return (stderr.findLast((line) => opening.test(line)) ?? stderr.at(-1))?.replace(opening, "");
}

/** The lines that say something: the Vulkan loader's complaint about XDG_RUNTIME_DIR does not. */
function lines(output: Uint8Array): string[] {
  const all = new TextDecoder().decode(output).split("\n").map((line) => line.trim());
  return all.filter((line) => line !== "" && !line.includes("XDG_RUNTIME_DIR"));
}
