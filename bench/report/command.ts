import { inlineCode } from "../../src/text/shell.ts";

/** A folder as the shell takes it: quoted, or without spaces. */
const folder = String.raw`(\$?'(?:[^'\\]|\\.)*'|\S+)`;

/**
 * The command that made a report, in markdown and to be repeated: without the folder that it wrote to, which is taken. What lay beside that on
 * another machine is told from the report.
 */
export function commandCode(command: string): string {
  const [written, out] = command.match(new RegExp(` --out[ =]${folder}`)) ?? ["", ""];
  const [beside] = out.match(/^\/.*\//) ?? [];
  const told = command.replace(written, "");
  return inlineCode(beside ? told.replaceAll(` ${beside}`, " ../") : told);
}
