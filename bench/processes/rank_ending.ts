/** What a rank says of itself at its start, so that its end can be told. */
export const rankLine = ({ rank }: { readonly rank: number }): string =>
  `Rank ${rank} is process ${Deno.pid}`;

/** Which rank died, by what `mpirun` or `srun` prints of it; undefined where neither printed anything. */
export function rankEnding(output: string): string | undefined {
  const tasks = [...output.matchAll(/srun: error: (\S+): task (\d+): (.+)/g)];
  // A rank that is mid in an exchange with one that dies aborts, and srun may tell of that one first.
  const [, node, task, end] = tasks.find(([, , , end]) => end !== "Aborted") ?? tasks[0] ?? [];
  if (task !== undefined) return died(task, `on ${node}`, end === "Killed" ? killed : `ended: ${end}`);
  const [, pid, host] = output.match(/PID (\d+) RUNNING AT (\S+)/) ?? [];
  const [, code] = output.match(/EXIT CODE: (\d+)/) ?? [];
  const [, rank] = output.match(new RegExp(`Rank (\\d+) is process ${pid}$`, "m")) ?? [];
  if (rank === undefined) return undefined;
  // Hydra kills the others with the same signal, and may name one of those.
  if (code === "9") {
    return `A rank ${killed}, so the others were ended; mpirun names rank ${rank} (process ${pid} on ${host})`;
  }
  return died(rank, `process ${pid} on ${host}`, `ended with exit code ${code}`);
}

const killed = "was killed (SIGKILL)";
const died = (rank: string, where: string, how: string) =>
  `Rank ${rank} (${where}) ${how}, so the others were ended`;
