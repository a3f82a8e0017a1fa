import { parseCommandLine } from "./command_line.ts";
import { UserError } from "../src/errors.ts";

/** Runs the command and exits with its code. What the user can mend is told in one line, everything else is a bug and says so. */
if (import.meta.main) {
  try {
    Deno.exit(await parseCommandLine(Deno.args)());
  } catch (error) {
    console.error(`Error: ${error instanceof Error ? error.message : error}`);
    if (!(error instanceof UserError)) {
      console.error("This is a bug in Headroom; set HEADROOM_DEBUG=1 to see where it happened");
      if (debugging() && error instanceof Error) console.error(error.stack);
    }
    Deno.exit(1);
  }
}

function debugging(): boolean {
  const variable = "HEADROOM_DEBUG";
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted" &&
    Deno.env.get(variable) === "1";
}
