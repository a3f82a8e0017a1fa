import { inlineCode } from "../../src/text/shell.ts";

/** The command that made a report, in markdown and to be repeated: without the folder that it wrote to, which is taken. */
export const commandCode = (command: string): string =>
  inlineCode(command.replace(/ --out[ =](?:\$?'(?:[^'\\]|\\.)*'|\S)+/, ""));
