/** What `deno task test` reads from the outputs of `deno test`, and says of them. */

import { z } from "zod";
import { count } from "../results/numbers.ts";

/** What `test --json` prints. */
export const testsSummary = z.object({
  passed: count,
  failed: count.describe("a process that failed and told no test counts as one"),
  ignored: count.describe("what this adapter or machine cannot run, or what is left out"),
  failures: z.array(z.string()).describe(
    "each test that failed, with its place, and how a process ended that told none",
  ),
}).meta({ title: "What test found" });

export type TestsSummary = z.infer<typeof testsSummary>;

/** Tests that passed, failed and were not run. */
export type TestCounts = Omit<TestsSummary, "failures">;

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
  const line = /^(?:ok|FAILED) \| (\d+) passed.*\| (\d+) failed(?:.*\| (\d+) ignored)?/gm;
  const [, ...numbers] = [...plain(output).matchAll(line)].at(-1) ?? [];
  const [passed, failed, ignored] = numbers.map((number) => Number(number ?? 0));
  return numbers.length ? { passed, failed, ignored } : null;
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

/** Groups added up. */
export function summarizeTests(groups: readonly GroupResult[]): TestsSummary {
  const silent = groups.map(silentFailure).filter((line) => line !== null);
  const sum = (counted: keyof TestCounts) =>
    groups.reduce((sum, { summary }) => sum + (summary?.[counted] ?? 0), 0);
  return {
    passed: sum("passed"),
    failed: sum("failed") + silent.length,
    ignored: sum("ignored"),
    failures: [...groups.flatMap(({ failures }) => failures), ...silent],
  };
}

/**
 * The last lines of a run: of several groups the tests that failed; each group that failed without telling a test, which counts as one;
 * and "N passed, N failed". No line where no test was to run.
 */
export function closingLines(groups: GroupResult[]): string[] {
  const silent = groups.map(silentFailure).filter((line) => line !== null);
  if (silent.length === 0 && groups.every(({ summary }) => summary === null)) return [];
  const failures = groups.length > 1 ? groups.flatMap(({ failures }) => failures) : [];
  const { passed, failed } = summarizeTests(groups);
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
