import { type ChildAnswer, failed, parseAnswer, unread } from "../results/results.ts";
import { grantTurn, type Job, protocol, sendJob, turnRequest } from "./job.ts";
import { mpiLibraries } from "../../src/ranks/mpi.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import {
  adapterFlags,
  lateMessage,
  mainOf,
  type ProcessEnd,
  type ProcessLimits,
  rankLauncher,
  runProcess,
} from "./process.ts";

/** How a cell's process is started. */
export interface ChildOptions extends ProcessLimits {
  /** Whether `nvidia-smi` may be asked. */
  askDriver: boolean;
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
  const ranks = job.configuration.ranks ?? stepDefaults.ranks;
  const { late, answer, complaint } = ranks > 1 ? await runOnRanks(ranks, job, options) : await runProcess({
    ...options,
    args: [...childArguments(job, options), "cell"],
    tell: (stdin) => sendJob(stdin, job),
    read: (child) => printed(child, options.turn),
  });
  if (late) return unread(failed("timeout", lateMessage(options)));
  return parseAnswer(answer) ?? unread(failed("error", complaint));
}

/** Runs a cell in several processes that a launcher starts. */
async function runOnRanks(ranks: number, job: Job, options: ChildOptions): Promise<ProcessEnd> {
  const file = await Deno.makeTempFile();
  try {
    const { writable } = await Deno.open(file, { write: true });
    await sendJob(writable, job);
    await writable.close();
    return await runProcess({
      ...options,
      launcher: rankLauncher(ranks),
      args: [
        ...childArguments(job, options, [file]),
        ...["cell", "--ranks", file],
      ],
      tell: () => Promise.resolve(),
      read: ({ stdout }) => new Response(stdout).text(),
    });
  } finally {
    await Deno.remove(file);
  }
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

/** Whether the program in a folder understands jobs as this one means them. */
export async function speaksOurProtocol(program: string): Promise<boolean> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...mainOf(program), "cell", "--protocol"],
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim() === protocol();
}

function childArguments(
  { paths }: Job,
  { askDriver, program }: ChildOptions,
  files: readonly string[] = [],
): string[] {
  const given = [paths.data, paths.images, ...files].filter((path) => path !== undefined);
  const read = given.some((path) => path.includes(",")) // a comma separates paths
    ? ["--allow-read"]
    : given.length > 0
    ? [`--allow-read=${given.join(",")}`]
    : [];
  const onRanks = files.length > 0 ? [`--allow-ffi=${mpiLibraries}`, "--allow-sys=hostname"] : [];
  return ["run", "--no-prompt", ...read, ...adapterFlags({ askDriver }), ...onRanks, ...mainOf(program)];
}
