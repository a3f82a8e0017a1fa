import { type CommandLineHost, parseCommandLine } from "./command_line.ts";
import { explain } from "./processes/explain.ts";
import { version } from "./machine/version.ts";

/** Runs a command line. Returns the exit code; what went wrong is on stderr by then. */
export async function main(args: readonly string[], host?: CommandLineHost): Promise<number> {
  try {
    const told = args[0] === "--version" ? await version() : undefined;
    return await parseCommandLine(args, { ...host, version: told })();
  } catch (error) {
    const { lines, code } = explain(error);
    for (const line of lines) console.error(line);
    return code;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
