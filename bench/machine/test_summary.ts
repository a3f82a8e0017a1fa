/** What `deno task test` reads from the outputs of `deno test`, and says of them. */

/** Tests that passed and failed. */
export interface TestCounts {
  passed: number;
  failed: number;
}

/** How the process of a group ended, and what its output said; no summary where it died, or ran no tests. */
export interface GroupResult {
  code: number;
  signal: string | null;
  summary: TestCounts | null;
  failures: string[];
  lastFile: string | null;
}

/** Numbers of the last summary line that `deno test` printed, such as "ok | 12 passed (3 steps) | 0 failed (2s)"; null without one. */
export function readSummary(output: string): TestCounts | null {
  const summary = [...plain(output).matchAll(/^(?:ok|FAILED) \| (\d+) passed.*\| (\d+) failed/gm)].at(-1);
  return summary ? { passed: Number(summary[1]), failed: Number(summary[2]) } : null;
}

/** The list under "FAILURES", as `deno test` prints it before its summary: each test's name and place. */
export function failedTests(output: string): string[] {
  const [, list = ""] = plain(output).match(/.*^ FAILURES \n\n(.*?)\n\nFAILED \|/ms) ?? [];
  return list.split("\n").filter((line) => line !== "");
}

/** The file that `deno test` began last, where a process that died may be found; null where it began none. */
export function lastFile(output: string): string | null {
  return [...plain(output).matchAll(/^running \d+ tests? from (.+)$/gm)].at(-1)?.[1] ?? null;
}

/**
 * The last lines of a run: of several groups the tests that failed; each group that failed without telling a test, which counts as one;
 * and "N passed, N failed". No line where no test was to run.
 */
export function closingLines(groups: GroupResult[]): string[] {
  const silent = groups.map(silentFailure).filter((line) => line !== null);
  const summaries = groups.map(({ summary }) => summary).filter((summary) => summary !== null);
  if (summaries.length + silent.length === 0) return [];
  const failures = groups.length > 1 ? groups.flatMap(({ failures }) => failures) : [];
  const passed = summaries.reduce((sum, summary) => sum + summary.passed, 0);
  const failed = summaries.reduce((sum, summary) => sum + summary.failed, silent.length);
  return [
    ...failures.length > 0 ? ["Failed:", ...failures.map((failure) => `  ${failure}`), ""] : [],
    ...silent,
    `${passed} passed, ${failed} failed`,
  ];
}

function silentFailure({ code, signal, summary, lastFile }: GroupResult, index: number): string | null {
  if (code === 0 || summary?.failed) return null;
  const group = `Group ${index + 1}${lastFile ? `, last in ${lastFile},` : ""}`;
  return `${group} ended with ${signal ?? `exit code ${code}`} and told no failed test: counted as one`;
}

function plain(output: string): string {
  // deno-lint-ignore no-control-regex
  return output.replace(/\x1b\[[0-9;]*m/g, "");
}
