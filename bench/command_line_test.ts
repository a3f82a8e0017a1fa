import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseCommandLine } from "./command_line.ts";

class Exit extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

/** What a wrong command line prints, and the code it exits with. */
function refusal(line: string): { text: string; code: number } {
  let text = "";
  const host = {
    stderr: (printed: string) => void (text += printed),
    exit: (code: number): never => {
      throw new Exit(code);
    },
  };
  const { code } = assertThrows(() => parseCommandLine(line.split(" ").filter(Boolean), host), Exit);
  return { text, code };
}

const refused: Record<string, RegExp> = {
  "bnch": /Unknown command "bnch"; did you mean "bench"\?/,
  "": /Give a command: bench, train, verify, plan, kernels, doctor, test$/,
  "bench --polcy exact": /Unknown option of bench "--polcy"; did you mean "--policy"\?/,
  "bench --polcy=exact": /Unknown option of bench "--polcy"; did you mean "--policy"\?/,
  "plan --frobnicate": /Unknown option of plan "--frobnicate"; known: --model, /,
  "plan nano": /plan takes no argument "nano"/,
  "bench --policy exact,mesa9": /`--policy`: Unknown policy "mesa9"; did you mean "mesa8"\?/,
  "bench --model nanno": /`--model`: Unknown model "nanno"; did you mean "nano"\?/,
  "bench --rounding neerest": /`--rounding`: Unknown rounding "neerest"; did you mean "nearest"\?/,
  "bench --batch 4,x": /`--batch`: .*"x"/,
  "bench --steps 0": /`--steps`: .*"0"/,
  "bench --steps": /`--steps` requires `N`/,
  "verify": /Expected a `FOLDER`/,
};

for (const [line, expected] of Object.entries(refused)) {
  Deno.test(`parseCommandLine() refuses "${line}" in one line`, () => {
    const { text, code } = refusal(line);
    assertMatch(text, expected);
    assertEquals(text.trim().split("\n").length, 1);
    assertEquals(code, 2);
  });
}

Deno.test("parseCommandLine() takes lists with commas and one at a time", () => {
  for (const line of ["plan --batch 4,16 --policy exact", "plan --batch 4 --batch=16", "cell --data x {}"]) {
    assertEquals(typeof parseCommandLine(line.split(" ")), "function");
  }
});
