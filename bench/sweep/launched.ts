import { forgetVariable, readVariable } from "../../src/environment_variables.ts";
import { UserError } from "../../src/errors.ts";

/** What MPICH's launchers tell each process that they start: none that starts ranks itself may pass it on. */
const told = [
  ...["PMI_RANK", "PMI_SIZE", "PMI_FD", "PMI_PORT", "PMI_ID"],
  ...["MPI_LOCALRANKID", "MPI_LOCALNRANKS", "HYDI_CONTROL_FD"],
];

/** One of the processes that `mpirun` started on this host. */
export interface Launched {
  readonly rank: number;
  readonly size: number;
}

/**
 * What this process is where `mpirun` started it; undefined where nothing did. Forgets it, so that this one may start ranks.
 *
 * @throws {UserError} the first, where a launcher has placed processes as no other `mpirun` would know
 */
export function takeLaunch(read = readVariable, forget = forgetVariable): Launched | undefined {
  const [rank, size, onThisHost] = ["PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"].map(read);
  if (rank === undefined) return undefined;
  const inJob = read("SLURM_JOB_ID") !== undefined; // there `mpirun` starts by a step, which waits for this one's end
  if (rank === "0" && (inJob || size !== onThisHost)) { // the others would say the same
    const words = inJob || onThisHost === undefined
      ? "srun --mpi=pmi2 --kill-on-bad-exit"
      : "mpirun -hosts HOST,HOST -n {ranks}";
    throw new UserError(
      `bench starts ranks itself, and on several hosts, or in a Slurm job, only by words of yours: HEADROOM_MPIRUN='${words}' deno task bench --ranks ${size}`,
    );
  }
  for (const name of told) forget(name);
  return { rank: Number(rank), size: Number(size) };
}

/** The number of ranks of a sweep that `mpirun` started: as many as it says. Throws a UserError where `--ranks` says another. */
export function launchedRanks({ size }: Launched, counts: readonly number[]): number[] {
  if (counts.some((ranks) => ranks !== size)) {
    throw new UserError(
      `mpirun started ${size} processes, and --ranks says ${counts}; leave one of them out`,
    );
  }
  return [size];
}
