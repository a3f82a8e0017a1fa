import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the project keeps what it need not make twice: `$XDG_CACHE_HOME/headroom`, by default `~/.cache/headroom`. */
export function cacheFolder(environment: Record<string, string | undefined> = Deno.env.toObject()): string {
  const home = environment.HOME && join(environment.HOME, ".cache");
  return join(environment.XDG_CACHE_HOME || environment.LOCALAPPDATA || home || tmpdir(), "headroom");
}
