import { type ChildAnswer, failed, parseAnswer, unread } from "../results/results.ts";
import { grantTurn, type Job, protocol, sendJob, turnRequest } from "./job.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import { runOnRanks } from "../processes/on_ranks.ts";
import { adapterFlags, lateMessage, mainOf, type ProcessLimits, runProcess } from "../processes/process.ts";

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
  const flags = childFlags(job, options);
  const { late, answer, complaint } = ranks > 1
    ? await runOnRanks(ranks, "cell", job, {
      timeoutSeconds: options.timeoutSeconds,
      signal: options.signal,
      flags,
      read: ({ stdout }) => new Response(stdout).text(),
    })
    : await runProcess({
      ...options,
      args: ["run", "--no-prompt", ...flags, ...mainOf(options.program), "cell"],
      tell: (stdin) => sendJob(stdin, job),
      read: (child) => printed(child, options.turn),
    });
  if (late) return unread(failed("timeout", lateMessage(options)));
  return parseAnswer(answer) ?? unread(failed("error", complaint));
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

function childFlags({ paths }: Job, { askDriver }: ChildOptions): string[] {
  const given = [paths.data, paths.images].filter((path) => path !== undefined);
  const read = given.some((path) => path.includes(",")) // a comma separates paths
    ? ["--allow-read"]
    : given.length > 0
    ? [`--allow-read=${given.join(",")}`]
    : [];
  return [...read, ...adapterFlags({ askDriver })];
}
