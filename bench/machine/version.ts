import config from "../../deno.json" with { type: "json" };
import { versionOf } from "./environment.ts";

/** The program's version, and the commit where git tells one: "0.1.0 (commit e3e21b45fa1e)". */
export async function version(): Promise<string> {
  const { commit, dirty } = await versionOf();
  if (!commit) return config.version;
  return `${config.version} (commit ${commit.slice(0, 12)}${dirty ? ", with changes" : ""})`;
}
