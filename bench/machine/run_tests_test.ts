import { assertEquals } from "@std/assert";
import { readSummary } from "./run_tests.ts";

Deno.test("readSummary() reads the line that ends a run", () => {
  assertEquals(readSummary("add() adds ... ok (2ms)\n\nok | 12 passed | 0 failed (3s)\n\n"), {
    passed: 12,
    failed: 0,
  });
  assertEquals(readSummary("FAILED | 3 passed | 2 failed (31ms)\n"), { passed: 3, failed: 2 });
});

Deno.test("readSummary() reads it with colours, steps, ignored and filtered tests", () => {
  const line =
    "\n\x1b[0m\x1b[32mok\x1b[0m | 5 passed (7 steps) | 0 failed | 1 ignored | 2 filtered out \x1b[38;5;245m(1s)\x1b[0m\n";
  assertEquals(readSummary(line), { passed: 5, failed: 0 });
});

Deno.test("readSummary() takes the last summary, since a test may print one too", () => {
  assertEquals(readSummary("ok | 1 passed | 0 failed (1s)\nFAILED | 8 passed | 1 failed (9s)\n"), {
    passed: 8,
    failed: 1,
  });
});

Deno.test("readSummary() gives nothing where no test ran", () => {
  assertEquals(readSummary("error: Type checking failed.\n"), null);
});
