import { main } from "../main.ts";

/** How a command line ended: its exit code, and the lines that it wrote to stderr. */
export interface CommandEnd {
  code: number;
  errors: string[];
}

/** Runs a command line in this process, by the very way of the program, whose output goes nowhere. */
export async function endOf(args: readonly string[]): Promise<CommandEnd> {
  const errors: string[] = [];
  const hear = (text: unknown) => void errors.push(...String(text).trimEnd().split("\n"));
  let exited: CommandEnd | undefined;
  const exit = (code: number): never => {
    exited = { code, errors: [...errors] };
    throw new Error("a process would have ended here");
  };
  const before = { log: console.log, error: console.error, write: Deno.stdout.writeSync };
  Object.assign(console, { log() {}, error: hear });
  Deno.stdout.writeSync = (bytes) => bytes.length;
  try {
    const code = await main(args, { exit, stderr: hear });
    return exited ?? { code, errors };
  } finally {
    Object.assign(console, { log: before.log, error: before.error });
    Deno.stdout.writeSync = before.write;
  }
}
