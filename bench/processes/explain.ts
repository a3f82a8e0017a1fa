import { UserError } from "../../src/errors.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { permissionSentence } from "../../src/missing_permission.ts";
import { bytes, bytesLess } from "../../src/text/format.ts";

/** How a command that failed ends: the lines for stderr, and the exit code. */
export interface Ending {
  readonly lines: readonly string[];
  readonly code: number;
}

/** What the shell calls a program that a broken pipe ended: 128 + SIGPIPE. */
const brokenPipe = 141;

/**
 * How a command ends that threw `error`. What the user can mend is told in one line; a reader of the output that has gone needs no word;
 * everything else is a bug and says so.
 */
export function explain(error: unknown): Ending {
  if (error instanceof Deno.errors.BrokenPipe) return { lines: [], code: brokenPipe };
  return { lines: linesOf(error).map(escaped), code: 1 };
}

function linesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [`Error: ${error}`];
  if (error instanceof UserError) return [`Error: ${error.message}`];
  if (error instanceof Deno.errors.NotCapable) return [`Error: ${permissionSentence(error)}`];
  if (error instanceof OutOfMemoryError) {
    const { bytesWanted, room } = error;
    const wanted = bytes(bytesWanted) +
      (room === undefined ? "" : `, there is room for ${bytesLess(bytesWanted, room)}`);
    return [
      `Error: The device cannot give ${wanted}: take a smaller --batch, --sequence or model, or a --policy that stores less`,
    ];
  }
  const bug = "This is a bug in Headroom; set HEADROOM_DEBUG=1 to see where it happened";
  return [`Error: ${error.message}`, ...debugging() ? (error.stack ?? "").split("\n") : [bug]];
}

/**
 * A line as a terminal may show it: a path or a name in it can hold line breaks and worse, of which the codes are shown. Colours stay.
 */
export function escaped(line: string): string {
  return line.replace(
    // deno-lint-ignore no-control-regex -- colours begin with one
    /(?!\x1b\[[\d;]*m)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

function debugging(): boolean {
  const variable = "HEADROOM_DEBUG";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" && Deno.env.get(variable) === "1";
}
