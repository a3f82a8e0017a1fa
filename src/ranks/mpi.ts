import { UserError } from "../errors.ts";
import type { Ranks } from "./ranks.ts";
import { Scratch } from "./scratch.ts";

/** MPICH's library where Debian and Fedora put it. Its handles are plain integers, the same in every library of its ABI. */
export const mpiLibraries = [
  "/usr/lib/x86_64-linux-gnu/libmpich.so.12",
  "/usr/lib/aarch64-linux-gnu/libmpich.so.12",
  "/usr/lib64/mpich/lib/libmpi.so.12",
] as const;

const [world, float, sum] = [0x44000000, 0x4c00040a, 0x58000003];

const functions = {
  MPI_Init: { parameters: ["pointer", "pointer"], result: "i32" },
  MPI_Comm_rank: { parameters: ["i32", "buffer"], result: "i32" },
  MPI_Comm_size: { parameters: ["i32", "buffer"], result: "i32" },
  MPI_Allreduce: { parameters: ["buffer", "buffer", "i32", "i32", "i32", "i32"], result: "i32" },
  MPI_Alltoallv: {
    parameters: ["buffer", "buffer", "buffer", "i32", "buffer", "buffer", "buffer", "i32", "i32"],
    result: "i32",
  },
  MPI_Abort: { parameters: ["i32", "i32"], result: "i32" },
  MPI_Finalize: { parameters: [], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * The ranks that `mpirun` or `srun` started this process among; one alone where nothing did. Errors of MPI end all ranks, as is its default. Once
 * a process.
 *
 * @throws {UserError} where MPICH is not installed
 */
export function openMpi(libraries: readonly string[] = mpiLibraries): Ranks {
  const mpi = load(libraries).symbols;
  mpi.MPI_Init(null, null);
  const answer = new Int32Array(1);
  const asked = (ask: typeof mpi.MPI_Comm_rank): number => (ask(world, answer), answer[0]);
  const [rank, size] = [asked(mpi.MPI_Comm_rank), asked(mpi.MPI_Comm_size)];
  const scratch = new Scratch();
  return {
    rank,
    size,
    allToAll(sent, sentCounts, received, receivedCounts) {
      const sides = [sentCounts, receivedCounts].map((counts) => [Int32Array.from(counts), starts(counts)]);
      const [[counts, begins], [countsBack, beginsBack]] = sides;
      mpi.MPI_Alltoallv(sent, counts, begins, float, received, countsBack, beginsBack, float, world);
    },
    gather(sent, received) {
      const counts = Array.from({ length: size }, (_, other) => other === rank ? 0 : sent.length);
      const [each, same] = [Int32Array.from(counts), new Int32Array(size)]; // what all get begins where it begins
      mpi.MPI_Alltoallv(sent, each, same, float, received, each, starts(counts), float, world);
    },
    sum(sent, received) {
      const sums = scratch.of(sent.length); // MPI reads what it has summed, and what is received may be slow to read
      mpi.MPI_Allreduce(sent, sums, sent.length, float, sum, world);
      received.set(sums);
    },
    abort() {
      mpi.MPI_Abort(world, 1);
      Deno.exit(1);
    },
    close: () => void mpi.MPI_Finalize(),
  };
}

/** Where blocks of so many numbers begin, side by side. */
function starts(counts: readonly number[]): Int32Array<ArrayBuffer> {
  const begins = new Int32Array(counts.length);
  for (let i = 1; i < counts.length; i++) begins[i] = begins[i - 1] + counts[i - 1];
  return begins;
}

function load(libraries: readonly string[]): Deno.DynamicLibrary<typeof functions> {
  for (const library of libraries) {
    try {
      return Deno.dlopen(library, functions);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  throw missing();
}

/** What is said where MPI, or what starts ranks, is not there. */
const missing = () => new UserError("Ranks need MPICH, which is not installed; on Debian: apt install mpich");

/** Throws a UserError where MPICH's library or the program that starts ranks is not installed. */
export async function requireMpi(
  launcher: string,
  libraries: readonly string[] = mpiLibraries,
): Promise<void> {
  const there = (path: string) => Deno.stat(path).then(() => true, () => false);
  if (!(await Promise.all(libraries.map(there))).includes(true)) throw missing();
  try {
    await new Deno.Command(launcher, { args: ["--version"], stdout: "null", stderr: "null" }).output();
  } catch (error) {
    throw error instanceof Deno.errors.NotFound ? missing() : error;
  }
}
