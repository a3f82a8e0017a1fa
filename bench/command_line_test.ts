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
  "bench --ranges lagging": /`--ranges`: Unknown ranges "lagging"; known: running, current, delayed/,
  "bench --attention fussed": /`--attention`: Unknown attention "fussed"; did you mean "fused"\?/,
  "bench --policy exact,none.json": /`--policy`: Cannot read the policy none.json: .*[Nn]o such file/,
  "bench --model deit-tinny": /`--model`: Unknown model "deit-tinny"; did you mean "deit-tiny"\?/,
  "bench --profile ablation-bit":
    /`--profile`: Unknown profile "ablation-bit"; did you mean "ablation-bits"\?/,
  "bench parrity": /Unknown profile "parrity"; did you mean "parity"\?/,
  "bench --seeds 0": /`--seeds`: .*"0"/,
  "bench --gradient-every -1": /`--gradient-every`: .*"-1"/,
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

const accepted = [
  "plan --batch 4,16 --policy exact",
  "plan --batch 4 --batch=16 --model deit-tiny,nano --attention materialised",
  "bench parity --seeds 5 --gradient-every 0 --ranges delayed",
  "bench --profile ablation-grouping --images cifar",
  "bench --policy-schema",
  "train --model vit-nano --label-smoothing 0.1 --images cifar --no-tune",
  "train --variants reports/some/variants.json",
  "cell --data x {}",
];

Deno.test("parseCommandLine() takes lists with commas and one at a time, and every command's options", () => {
  for (const line of accepted) assertEquals(typeof parseCommandLine(line.split(" ")), "function", line);
});
