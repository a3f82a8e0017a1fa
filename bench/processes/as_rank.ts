import { UserError } from "../../src/errors.ts";
import { openMpi } from "../../src/ranks/mpi.ts";
import type { Ranks } from "../../src/ranks/ranks.ts";
import { explain } from "./explain.ts";
import { rankLine } from "./rank_ending.ts";

/** A UserError that all ranks throw alike, of which none is named. */
export class CommonError extends UserError {}

/** A launcher that is told to end all drops what it has not passed on yet of what they printed. */
const forwardMilliseconds = 500;

/**
 * Does `work` as one of the processes that a launcher started. A rank whose work fails, as it says itself or by what it throws, ends all, which
 * would wait for it. `asked` is aborted on the first rank when the process that had the launcher started asks for an end; when that process is
 * gone, all end at once.
 */
export async function asRank(work: (ranks: Ranks, asked: AbortSignal) => Promise<boolean>): Promise<number> {
  const ranks = openMpi();
  console.error(rankLine(ranks));
  const asking = new AbortController();
  if (ranks.rank === 0) inputEnded(() => asking.abort()).then(() => ranks.abort());
  const well = await work(ranks, asking.signal).catch((error) => told(ranks, error));
  if (!well) {
    await new Promise((passed) => setTimeout(passed, forwardMilliseconds));
    ranks.abort();
  }
  ranks.close();
  return 0;
}

/** Resolved when nobody waits for this process any more; all that it is told before then is to end. */
async function inputEnded(asked: () => void): Promise<void> {
  for await (const _ of Deno.stdin.readable) asked();
}

/** Says why a rank failed, and which. */
function told({ rank }: Ranks, error: unknown): false {
  const [first, ...rest] = explain(error).lines;
  const named = error instanceof CommonError ? first : first?.replace(/^Error: /, `Error: Rank ${rank}: `);
  for (const line of [named, ...rest]) console.error(line);
  return false;
}
