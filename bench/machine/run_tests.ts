/** `deno task test`: Deno's own test runner, started where an adapter answers. */

import { ensureAdapterEnvironment } from "./start.ts";

/** Passed on, so that the test runner ends with this program; Windows knows the first only. */
const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/**
 * Runs `deno test` and, after its output, prints one line "N passed, N failed".
 *
 * @param args paths and flags for `deno test`; `--require-gpu` among them is this project's own
 * @returns the exit code of `deno test`
 */
export async function runTests(
  args: string[],
  { requireGpu = false } = {},
): Promise<number> {
  const gpuOnly = requireGpu || args.includes("--require-gpu");
  await ensureAdapterEnvironment({ requireGpu: gpuOnly });
  const forwarded = args.filter((argument) => argument !== "--" && argument !== "--require-gpu");
  const env: Record<string, string> = {};
  if (gpuOnly) env.HEADROOM_ADAPTER = "gpu";
  if (Deno.stdout.isTerminal() && !Deno.noColor) env.FORCE_COLOR = "1"; // the pipe below hides the terminal
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", ...forwarded],
    env,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const forwards = signals.map((signal) => ({ signal, to: () => child.kill(signal) }));
  for (const { signal, to } of forwards) Deno.addSignalListener(signal, to);
  const [shown, kept] = child.stdout.tee();
  const output = new Response(kept).text();
  await shown.pipeTo(Deno.stdout.writable, { preventClose: true });
  const { code } = await child.status;
  for (const { signal, to } of forwards) Deno.removeSignalListener(signal, to);
  const counts = readSummary(await output);
  if (counts) console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return code;
}

/** Numbers of the last summary line that `deno test` printed, such as "ok | 12 passed (3 steps) | 0 failed (2s)"; null without one. */
export function readSummary(output: string): { passed: number; failed: number } | null {
  // deno-lint-ignore no-control-regex
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const summary = [...plain.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*\| (\d+) failed/gm)].at(-1);
  return summary ? { passed: Number(summary[1]), failed: Number(summary[2]) } : null;
}
