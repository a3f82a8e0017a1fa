import { dawnFolder } from "../adapter/dawn_package.ts";
import { mpiLibraries, requireMpi } from "./mpi.ts";

/** Why tests that start ranks cannot run here, if they cannot: what their names then tell. */
export const noRanks = await requireMpi("mpirun").then(() => undefined, () => "MPICH is not installed");

/** How ranks ended: with what each printed, and with all that went to stderr. */
export interface RanksEnd {
  readonly code: number;
  readonly printed: readonly string[];
  readonly errors: string;
}

/** Runs a program of this project on so many ranks, each of which may load MPI and use the adapter of this process. */
export async function runRanks(count: number, program: URL, args: readonly string[] = []): Promise<RanksEnd> {
  const allowed = ["--allow-read", "--allow-env", "--allow-sys", "--allow-run", "--allow-write"];
  const { code, stdout, stderr } = await new Deno.Command("mpirun", {
    args: [
      ...["-prepend-rank", "-n", `${count}`, Deno.execPath(), "run", "--no-prompt", "--quiet"],
      ...[...allowed, `--allow-ffi=${[...mpiLibraries, dawnFolder()]}`, program.href, ...args],
    ],
    env: { NO_COLOR: "1", MPIEXEC_TIMEOUT: "100" }, // ranks that wait for one another wait for ever
    stdin: "null",
  }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  const printed = Array.from(
    { length: count },
    (_, rank) =>
      lines.filter((line) => line.startsWith(`[${rank}] `)).map((line) => line.slice(4)).join("\n"),
  );
  return { code, printed, errors: new TextDecoder().decode(stderr) };
}

/** A test that starts ranks; where that cannot be, or for another reason, it is ignored, and its name tells why. */
export function ranksTest(name: string, work: () => Promise<void>, other: string | false = false): void {
  const reason = noRanks ?? other;
  Deno.test({ name: reason ? `${name} (${reason})` : name, ignore: Boolean(reason), fn: work });
}
