import { readVariable } from "../../src/environment_variables.ts";
import { mpiLibraries, requireMpi } from "../../src/ranks/mpi.ts";
import { type StepChoices, stepDefaults } from "../../src/train/step_choices.ts";
import { jobBytes } from "./job_bytes.ts";
import { mainOf, type ProcessEnd, type ProcessOptions, runProcess } from "./process.ts";

/** What ranks can be told to do: what the command `rank` does with a job. */
export type RankTask = "cell" | "train";

/** How ranks are started. */
export interface RanksOptions extends Omit<ProcessOptions, "args" | "launcher" | "tell"> {
  /** What each may do beside reading its job and using MPI. */
  readonly flags: readonly string[];
}

/** Runs a task in several processes that a launcher starts; the first finds the job in a file. */
export async function runOnRanks(
  count: number,
  task: RankTask,
  job: Parameters<typeof jobBytes>[0],
  { flags, ...options }: RanksOptions,
): Promise<ProcessEnd> {
  const file = await Deno.makeTempFile();
  const forMpi = [`--allow-ffi=${mpiLibraries}`, "--allow-sys=hostname"];
  const forJob = flags.includes("--allow-read") ? [] : [`--allow-read=${file}`]; // a list would take the rest away
  try {
    await Deno.writeFile(file, jobBytes(job));
    return await runProcess({
      ...options,
      launcher: rankLauncher(count),
      args: ["run", "--no-prompt", ...flags, ...forJob, ...forMpi, ...mainOf(), "rank", task, file],
    });
  } finally {
    await Deno.remove(file);
  }
}

/**
 * The words before a program that make so many ranks of it; none where there is one: `mpirun -n N`, or those of `HEADROOM_MPIRUN`, such as
 * "srun", with N in the place of {ranks}, or behind them.
 */
function rankLauncher(ranks: number): string[] {
  if (ranks === 1) return [];
  const words = (readVariable("HEADROOM_MPIRUN") || "mpirun").trim();
  return (words.includes("{ranks}") ? words : `${words} -n {ranks}`).replace("{ranks}", `${ranks}`).split(
    /\s+/,
  );
}

/** Throws a UserError where steps want ranks, and what they need is not installed. */
export async function requireRanks(steps: readonly StepChoices[]): Promise<void> {
  if (steps.every(({ ranks = stepDefaults.ranks }) => ranks === 1)) return;
  await requireMpi(rankLauncher(2)[0]);
}
