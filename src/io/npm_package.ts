/** A package of npm at one version. */
export interface PackageVersion {
  readonly name: string;
  readonly version: string;
}

/** What `deno info --json` says of an npm package. */
interface PackageInfo {
  npmPackages?: Record<string, { name: string; localPath?: string }>;
  modules?: { error?: string }[];
}

/** How Deno writes a package at one version. */
export const specifierOf = ({ name, version }: PackageVersion) => `npm:${name}@${version}`;

/**
 * The folder of a package in Deno's npm cache, which Deno fetches where it is not there yet, or why there is none. It stands in no module
 * graph, so that nobody fetches what he does not ask for. Throws `Deno.errors.NotCapable` where this process may not run Deno.
 *
 * @param options.again fetch it although it is there
 * @param options.env variables of Deno's process beside this one's
 */
export async function npmPackage(
  wanted: PackageVersion,
  { again = false, env = {} }: { again?: boolean; env?: Record<string, string> } = {},
): Promise<{ folder: string; reason?: undefined } | { folder?: undefined; reason: string }> {
  const { name } = wanted;
  const command = new Deno.Command(Deno.execPath(), {
    // Without the lock file, which would else list the package for everybody. The registry is the user's own setting.
    args: ["info", "--json", "--no-lock", ...again ? [`--reload=npm:${name}`] : [], specifierOf(wanted)],
    env: { LD_LIBRARY_PATH: "", ...env }, // which Deno lets no child inherit unless it may run anything
  });
  const { success, stdout, stderr } = await command.output();
  const info: PackageInfo = success ? JSON.parse(new TextDecoder().decode(stdout)) : {};
  const folder = Object.values(info.npmPackages ?? {}).find((found) => found.name === name)?.localPath;
  if (folder) return { folder };
  const reason = info.modules?.[0]?.error ?? new TextDecoder().decode(stderr).trim().split("\n").at(-1)!;
  return { reason };
}
