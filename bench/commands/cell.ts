import { command, message, object, option } from "@optique/core";
import { path } from "@optique/run";
import { openMpi } from "../../src/ranks/mpi.ts";
import { runCell } from "../sweep/cell.ts";
import { maybe } from "../options/options.ts";
import { ran } from "../results/results.ts";
import { protocol, receiveJob, receiveShared } from "../sweep/job.ts";
import { rankLine } from "../sweep/process.ts";

const options = object({
  protocol: option("--protocol", { description: message`Print the digest of what a job can say and end` }),
  ranks: maybe(
    "--ranks",
    path({ metavar: "JOB" }),
    message`Be one of the ranks that an MPI launcher starts; the first reads its job there`,
  ),
});

/** One cell in this process, as `bench` runs it in a child: told on the standard input, answered with one line of JSON. */
export const cell = command("cell", options, { hidden: true, brief: message`Run one cell` }).map(
  (o) => async () => {
    if (o.protocol) {
      console.log(protocol());
      return 0;
    }
    if (o.ranks !== undefined) return await runOnRanks(o.ranks);
    const { job, abandoned, turn } = await receiveJob(Deno.stdin.readable);
    abandoned.then(() => Deno.exit(1));
    console.log(JSON.stringify(await runCell(job, turn)));
    return 0;
  },
);

/** Resolved when nobody waits for the answer any more. */
async function inputEnded(): Promise<void> {
  for await (const _ of Deno.stdin.readable); // nothing is said there
}

/** A launcher that is told to end all drops what it has not passed on yet of what they printed. */
const forwardMilliseconds = 500;

/** The same as one of several processes. Rank 0 answers, and whoever fails: that one ends all, which would wait for it. */
async function runOnRanks(file: string): Promise<number> {
  const ranks = openMpi();
  console.error(rankLine(ranks));
  if (ranks.rank === 0) inputEnded().then(() => ranks.abort());
  const answer = await runCell(await receiveShared(file, ranks), undefined, ranks);
  const failed = !ran(answer.measurement);
  if (failed) answer.measurement.message = `Rank ${ranks.rank}: ${answer.measurement.message}`;
  if (failed || ranks.rank === 0) console.log(JSON.stringify(answer));
  if (failed) {
    await new Promise((passed) => setTimeout(passed, forwardMilliseconds));
    ranks.abort();
  }
  ranks.close();
  return 0;
}
