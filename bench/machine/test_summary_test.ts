import { assertEquals } from "@std/assert";
import {
  closingLines,
  failedTests,
  type GroupResult,
  lastFile,
  readSummary,
  summarizeTests,
} from "./test_summary.ts";

Deno.test("readSummary() reads the line that ends a run", () => {
  assertEquals(readSummary("add() adds ... ok (2ms)\n\nok | 12 passed | 0 failed (3s)\n\n"), {
    passed: 12,
    failed: 0,
    ignored: 0,
  });
  assertEquals(readSummary("FAILED | 3 passed | 2 failed (1 step) (31ms)\n"), {
    passed: 3,
    failed: 2,
    ignored: 0,
  });
});

Deno.test("readSummary() reads it with colours, steps, ignored and filtered tests", () => {
  const line =
    "\n\x1b[0m\x1b[32mok\x1b[0m | 5 passed (7 steps) | 0 failed | 1 ignored | 2 filtered out \x1b[38;5;245m(1s)\x1b[0m\n";
  assertEquals(readSummary(line), { passed: 5, failed: 0, ignored: 1 });
});

Deno.test("readSummary() takes the last summary, since a test may print one too", () => {
  assertEquals(readSummary("ok | 1 passed | 0 failed (1s)\nFAILED | 8 passed | 1 failed (9s)\n"), {
    passed: 8,
    failed: 1,
    ignored: 0,
  });
});

Deno.test("readSummary() gives nothing where no test ran", () => {
  assertEquals(readSummary("error: Type checking failed.\n"), null);
});

Deno.test("failedTests() reads the list before the summary, with colours, steps and files that do not load", () => {
  const output = [
    "one ... FAILED (2ms)",
    "\n\x1b[0m\x1b[1m\x1b[37m\x1b[41m ERRORS \x1b[0m\n",
    "one => ./a_test.ts:1:6\nerror: Error: x",
    "\n\x1b[0m\x1b[1m\x1b[37m\x1b[41m FAILURES \x1b[0m\n",
    "one \x1b[0m\x1b[38;5;245m=> ./a_test.ts:1:6\x1b[0m",
    "two ... inner => ./a_test.ts:2:43",
    "./b_test.ts (uncaught error)",
    "\n\x1b[0m\x1b[31mFAILED\x1b[0m | 1 passed | 3 failed (1 step) (388ms)\n",
  ].join("\n");
  assertEquals(failedTests(output), [
    "one => ./a_test.ts:1:6",
    "two ... inner => ./a_test.ts:2:43",
    "./b_test.ts (uncaught error)",
  ]);
  assertEquals(failedTests("one ... ok\n\nok | 1 passed | 0 failed (3s)\n"), []);
});

Deno.test("lastFile() is the file that was begun last", () => {
  const begun = (file: string) => `\x1b[0m\x1b[38;5;245mrunning 1 test from ${file}\x1b[0m\n`;
  assertEquals(
    lastFile(begun("./a_test.ts") + "a ... ok (1ms)\n" + begun("./b_test.ts") + "b ..."),
    "./b_test.ts",
  );
  assertEquals(lastFile("error: Type checking failed.\n"), null);
});

function ended(passed: number, failures: string[] = []): GroupResult {
  const failed = failures.length;
  return {
    code: failed ? 1 : 0,
    signal: null,
    summary: { passed, failed, ignored: 1 },
    failures,
    lastFile: null,
  };
}

const killed: GroupResult = {
  code: 137,
  signal: "SIGKILL",
  summary: null,
  failures: [],
  lastFile: "./c_test.ts",
};

Deno.test("closingLines() adds the groups up, one without tests among them", () => {
  assertEquals(closingLines([ended(3), ended(0), ended(4)]), ["7 passed, 0 failed"]);
});

Deno.test("closingLines() names the tests that failed, of all groups", () => {
  const lines = closingLines([
    ended(3, ["one => ./a_test.ts:1:6"]),
    ended(2),
    ended(1, ["two => ./b_test.ts:1:6"]),
  ]);
  assertEquals(lines, [
    "Failed:",
    "  one => ./a_test.ts:1:6",
    "  two => ./b_test.ts:1:6",
    "",
    "6 passed, 2 failed",
  ]);
});

Deno.test("closingLines() does not repeat the list that a single group has just printed", () => {
  assertEquals(closingLines([ended(3, ["one => ./a_test.ts:1:6"])]), ["3 passed, 1 failed"]);
});

Deno.test("closingLines() counts a group that died, or failed with every test passed, as one failure", () => {
  const uncovered = { ...ended(2), code: 1 };
  assertEquals(closingLines([ended(3), killed, uncovered]), [
    "Group 2, last in ./c_test.ts, ended with SIGKILL and told no failed test: counted as one",
    "Group 3 ended with exit code 1 and told no failed test: counted as one",
    "5 passed, 2 failed",
  ]);
});

Deno.test("summarizeTests() adds the groups up, with a line for each that died", () => {
  assertEquals(summarizeTests([ended(3, ["one => ./a_test.ts:1:6"]), killed, ended(2)]), {
    passed: 5,
    failed: 2,
    ignored: 2,
    failures: [
      "one => ./a_test.ts:1:6",
      "Group 2, last in ./c_test.ts, ended with SIGKILL and told no failed test: counted as one",
    ],
  });
});

Deno.test("closingLines() says nothing where no test was to run, as with --no-run", () => {
  assertEquals(closingLines([{ code: 0, signal: null, summary: null, failures: [], lastFile: null }]), []);
});
