import { UserError } from "../src/errors.ts";
import { OutOfMemoryError } from "../src/gpu/errors.ts";
import { permissionSentence } from "../src/missing_permission.ts";
import { parseCommandLine } from "./command_line.ts";
import { bytes } from "../src/text/format.ts";

/** Runs the command and exits with its code. What the user can mend is told in one line; everything else is a bug and says so. */
if (import.meta.main) {
  try {
    Deno.exit(await parseCommandLine(Deno.args)());
  } catch (error) {
    for (const line of explain(error)) console.error(line);
    Deno.exit(1);
  }
}

function explain(error: unknown): string[] {
  if (!(error instanceof Error)) return [`Error: ${error}`];
  if (error instanceof UserError) return [`Error: ${error.message}`];
  if (error instanceof Deno.errors.NotCapable) return [`Error: ${permissionSentence(error)}`];
  if (error instanceof OutOfMemoryError) {
    const wanted = bytes(error.bytesWanted);
    return [
      `Error: The device cannot give ${wanted}: take a smaller --batch or --sequence, or a --policy that stores less`,
    ];
  }
  const bug = "This is a bug in Headroom; set HEADROOM_DEBUG=1 to see where it happened";
  return [`Error: ${error.message}`, debugging() ? error.stack ?? "" : bug];
}

function debugging(): boolean {
  const variable = "HEADROOM_DEBUG";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" && Deno.env.get(variable) === "1";
}
