import { cpus } from "node:os";
import type { AdapterReport } from "../../src/adapter/adapter.ts";
import { readVariable } from "../../src/environment_variables.ts";
import { programOutput } from "../../src/io/program_output.ts";
import type { Environment } from "../results/results.ts";

/** The project's folder. */
export const project = `${import.meta.dirname}/../..`;

/** The machine, the adapter and the version of the program, whose sources are in `folder`. */
export async function describeEnvironment(
  adapter: Pick<AdapterReport, "name" | "class" | "driver" | "runtime">,
  folder = project,
): Promise<Environment> {
  return {
    adapter: adapter.name,
    adapterClass: adapter.class,
    driver: adapter.driver,
    runtime: adapter.runtime,
    deno: Deno.version.deno,
    os: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    ...await versionOf(folder),
  };
}

/** The commit that a folder with the program's sources is at, and whether tracked files differ from it; null for a folder that is not the top of a repository. */
export async function versionOf(folder = project): Promise<Pick<Environment, "commit" | "dirty">> {
  // A copy of the sources without their history can be told which commit it is.
  const told = readVariable("HEADROOM_COMMIT");
  if (told) return { commit: told, dirty: null };
  const git = async (...args: string[]) => (await programOutput("git", args, { cwd: folder })).text;
  const isTop = await git("rev-parse", "--show-prefix") === ""; // else the history would be that of what it lies in
  const commit = isTop ? await git("rev-parse", "HEAD") : null;
  const changes = commit && await git("status", "--porcelain", "--untracked-files=no");
  return { commit, dirty: changes === null ? null : changes !== "" };
}

/** Bytes in use on all NVIDIA cards of the machine, as their driver counts them; null where it cannot be asked. */
export async function driverBytesInUse(): Promise<number | null> {
  const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"];
  const { text } = await programOutput("nvidia-smi", query);
  return text === null ? null : sumMebibytes(text);
}

/** Bytes of what `nvidia-smi` prints in MiB, a card a line; null if a line is no number, such as "[N/A]", or there is none. */
export function sumMebibytes(text: string): number | null {
  return bytesByCard(text)?.reduce((sum, bytes) => sum + bytes, 0) ?? null;
}

/** The same of each card. */
export function bytesByCard(text: string): number[] | null {
  const lines = text.trim().split("\n");
  return lines.every((line) => /^\d+$/.test(line.trim()))
    ? lines.map((line) => 2 ** 20 * Number(line))
    : null;
}

/** The same when it has come to rest: the memory of a process that has just ended is given back some time later. */
export async function settledDriverBytes(): Promise<number | null> {
  let before = await driverBytesInUse();
  for (let attempt = 0; before !== null && attempt < 20; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await driverBytesInUse();
    if (now === before) break;
    before = now;
  }
  return before;
}
