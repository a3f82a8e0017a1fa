import type { AdapterReport } from "../../src/adapter/adapter.ts";
import { readVariable } from "../../src/environment_variables.ts";
import { shellCommand, shellWord } from "../../src/text/shell.ts";
import { schemaVersion } from "../results/results.ts";
import type { TimesHeader } from "../results/run_header.ts";
import { describeEnvironment, project } from "./environment.ts";
import { digestSources } from "./sources.ts";

/** What every header tells of a run that begins in this process, of the program whose sources are in `folder`. */
export async function describeRun(
  adapter: Pick<AdapterReport, "name" | "class" | "driver" | "runtime">,
  started: Date,
  folder = project,
): Promise<Omit<TimesHeader, "kind">> {
  return {
    schema: schemaVersion,
    command: `${programName()} ${shellCommand(Deno.args)}`,
    started: started.toISOString(),
    environment: await describeEnvironment(adapter, folder),
    sources: await currentSources(folder),
  };
}

/** What a command is called by: the tasks, or the installed program, which says so. */
export const programName = () => readVariable("HEADROOM_PROGRAM") ?? "deno task";

/** What goes on with the sweep of a folder, as a shell reads it. */
export const resumeCommand = (folder: string) => `${programName()} bench --resume ${shellWord(folder)}`;

/** The digest of a program's sources as they are now; of this one, if no folder is told. */
export const currentSources = (folder = project) => digestSources(folder);
