/** What a rank says of itself at its start, so that its end can be told. */
export const rankLine = ({ rank }: { readonly rank: number }): string =>
  `Rank ${rank} is process ${Deno.pid}`;

/** Which rank died, by what `mpirun` or `srun` prints of it; undefined where neither printed anything. */
export function rankEnding(output: string): string | undefined {
  const tasks = [...output.matchAll(/srun: error: (\S+): task (\d+): (.+)/g)];
  // A rank that is mid in an exchange with one that dies aborts, and srun may tell of that one first.
  const [, node, task, end] = tasks.find(([, , , end]) => end !== "Aborted") ?? tasks[0] ?? [];
  if (task !== undefined) {
    return died(task, `on ${node}`, end === "Killed" ? "was killed (SIGKILL)" : `ended: ${end}`);
  }
  const [, pid, host] = output.match(/PID (\d+) RUNNING AT (\S+)/) ?? [];
  const [, code] = output.match(/EXIT CODE: (\d+)/) ?? [];
  const [, rank] = output.match(new RegExp(`Rank (\\d+) is process ${pid}$`, "m")) ?? [];
  if (rank === undefined) return undefined;
  const [, signal] = output.match(/EXIT STRING: (.+ \(signal \d+\))/) ?? [];
  if (signal === undefined) return died(rank, `process ${pid} on ${host}`, `ended with exit code ${code}`);
  // It may name one of the others: those it kills itself, or they abort in mid exchange.
  return `A rank was ended by a signal, so the others were ended; mpirun names rank ${rank} (process ${pid} on ${host}): ${signal}`;
}

const died = (rank: string, where: string, how: string) =>
  `Rank ${rank} (${where}) ${how}, so the others were ended`;
