import { forgetVariable, readVariable, setVariable } from "../../src/environment_variables.ts";
import { UserError } from "../../src/errors.ts";

/** What MPICH's launchers tell each process that they start: none that starts ranks itself may pass it on. */
const told = [
  ...["PMI_RANK", "PMI_SIZE", "PMI_FD", "PMI_PORT", "PMI_ID", "PMI_JOBID"],
  ...["MPI_LOCALRANKID", "MPI_LOCALNRANKS", "HYDI_CONTROL_FD"],
];

/** One of several processes that `mpirun` or `srun` started. */
export interface Launched {
  readonly rank: number;
  readonly size: number;
}

/** The environment of a process; tests stand in for it. */
export interface Variables {
  read(name: string): string | undefined;
  set(name: string, value: string): void;
  forget(name: string): void;
}

const ownVariables: Variables = { read: readVariable, set: setVariable, forget: forgetVariable };

/**
 * What this process is where `mpirun` or `srun` started several; undefined where nothing did. Leaves the environment so that this one may start
 * ranks in the same places.
 *
 * @throws {UserError} the first, where `mpirun` has placed processes as no other would know
 */
export function takeLaunch({ read, set, forget }: Variables = ownVariables): Launched | undefined {
  const step = read("SLURM_STEP_ID") !== undefined;
  const rank = read("PMI_RANK") ?? (step ? read("SLURM_PROCID") : undefined);
  if (rank === undefined) return undefined;
  const size = read("PMI_SIZE") ?? read("SLURM_STEP_NUM_TASKS");
  const words = read("HEADROOM_MPIRUN");
  if (step) {
    set("SLURM_OVERLAP", "1"); // else a step that this one starts waits for its end
    if (!words) set("HEADROOM_MPIRUN", `srun ${slurmWords} --nodelist=${read("SLURM_STEP_NODELIST")}`);
  } else if (rank === "0" && !words && size !== read("MPI_LOCALNRANKS")) { // the others would say the same
    throw new UserError(
      "The ranks of several hosts are started by words of yours alone: " +
        `HEADROOM_MPIRUN='mpirun -hosts HOST,HOST -n {ranks}', and --ranks ${size}`,
    );
  }
  for (const name of told) forget(name);
  return size === "1" ? undefined : { rank: Number(rank), size: Number(size) };
}

/** Of `srun`: the way in which MPICH is told its ranks, and that one rank's death ends the others. */
const slurmWords = "--mpi=pmi2 --kill-on-bad-exit";

/** The number of ranks where a launcher started as many processes. Throws a UserError where `--ranks` says another. */
export function launchedRanks({ size }: Launched, counts: readonly (number | undefined)[]): number {
  const other = counts.filter((ranks) => ranks !== undefined && ranks !== size);
  if (other.length === 0) return size;
  throw new UserError(`${size} processes were started, and --ranks says ${counts}; leave one of them out`);
}
