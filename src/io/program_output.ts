/** What a program of the machine said, or why it said nothing. */
export type ProgramOutput =
  | { text: string }
  | { text: null; why: "missing" | "forbidden" | "failed" | "late" };

/**
 * Runs a program for what it prints to stdout, without surrounding blanks. One that hangs is killed after `seconds`, and nobody waits
 * for it: a driver that hangs keeps its program from ending, and a child of the program may hold the pipe open. Never throws for what
 * the program does, is or may not be.
 */
export async function programOutput(
  program: string,
  args: string[],
  { cwd, seconds = 5 }: { cwd?: string; seconds?: number } = {},
): Promise<ProgramOutput> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      cwd,
      env: { LD_LIBRARY_PATH: "" }, // which Deno lets no child inherit unless it may run anything
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch (error) {
    const { NotFound, NotCapable } = Deno.errors;
    const why = error instanceof NotFound ? "missing" : error instanceof NotCapable ? "forbidden" : "failed";
    return { text: null, why };
  }
  const late = new AbortController();
  const { promise: limit, resolve: giveUp } = Promise.withResolvers<ProgramOutput>();
  const timer = setTimeout(() => giveUp({ text: null, why: "late" }), 1000 * seconds);
  const output = await Promise.race([outputOf(child, late.signal), limit]);
  clearTimeout(timer);
  if (output.text === null && output.why === "late") {
    late.abort();
    child.kill("SIGKILL");
    child.unref();
  }
  return output;
}

async function outputOf(child: Deno.ChildProcess, signal: AbortSignal): Promise<ProgramOutput> {
  try {
    const parts = await Array.fromAsync(child.stdout.pipeThrough(new TextDecoderStream(), { signal }));
    const { success } = await child.status;
    return success ? { text: parts.join("").trim() } : { text: null, why: "failed" };
  } catch {
    return { text: null, why: "failed" };
  }
}
