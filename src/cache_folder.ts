import { isAbsolute, join } from "node:path";
import { UserError } from "./errors.ts";

/**
 * Where the project keeps what it need not make twice: `$XDG_CACHE_HOME/headroom`, by default `~/.cache/headroom`. Throws a UserError
 * where the environment names no folder of the user's: in one that all users share, others could leave what is read or loaded.
 */
export function cacheFolder(environment: Record<string, string | undefined> = cacheVariables()): string {
  const home = environment.HOME && join(environment.HOME, ".cache");
  const parent = [environment.XDG_CACHE_HOME, environment.LOCALAPPDATA, home].find((path) =>
    path && isAbsolute(path)
  );
  if (!parent) {
    throw new UserError("There is no folder to keep files in: set HOME or XDG_CACHE_HOME to one of your own");
  }
  return join(parent, "headroom");
}

/** Environment variables that name the folder. */
export const cacheVariableNames = Deno.build.os === "windows"
  ? ["XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"]
  : ["XDG_CACHE_HOME", "HOME"];

function cacheVariables(): Record<string, string | undefined> {
  return Object.fromEntries(cacheVariableNames.map((name) => [name, Deno.env.get(name)]));
}
