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
