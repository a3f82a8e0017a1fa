import { argument, command, message, object } from "@optique/core";
import { path } from "@optique/run";
import type { Ranks } from "../../src/ranks/ranks.ts";
import { word } from "../options/value_parsers.ts";
import { asRank } from "../processes/as_rank.ts";
import { sharedJob } from "../processes/job_bytes.ts";
import type { RankTask } from "../processes/on_ranks.ts";
import { ran } from "../results/results.ts";
import { runCell } from "../sweep/cell.ts";
import type { Job } from "../sweep/job.ts";
import { type RankRun, trainAsRank } from "../training/train_as_rank.ts";

/** Runs a cell as one of its ranks. Rank 0 answers, and whoever fails. */
async function cellAsRank(job: Job, ranks: Ranks): Promise<boolean> {
  const answer = await runCell(job, undefined, ranks);
  const { measurement } = answer;
  const well = ran(measurement);
  if (!well) measurement.message = `Rank ${ranks.rank}: ${measurement.message}`;
  if (!well || ranks.rank === 0) console.log(JSON.stringify(answer));
  return well;
}

/** What a task does with its job, which is what `runOnRanks` was given. */
const tasks: Record<RankTask, (job: unknown, ranks: Ranks, asked: AbortSignal) => Promise<boolean>> = {
  cell: (job, ranks) => cellAsRank(job as Job, ranks),
  train: (job, ranks, asked) => trainAsRank(job as RankRun, ranks, asked),
};

const options = object({
  task: argument(word("TASK", Object.keys(tasks) as RankTask[])),
  job: argument(path({ metavar: "JOB" })),
});

/** One of the ranks that an MPI launcher starts: the first reads the job, and tells the others. */
export const rank = command("rank", options, { hidden: true, brief: message`Be one of several ranks` }).map(
  ({ task, job }) => () =>
    asRank(async (ranks, asked) => await tasks[task](await sharedJob(job, ranks), ranks, asked)),
);
