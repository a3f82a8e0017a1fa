import { assertEquals } from "@std/assert";
import { commandCode } from "./command.ts";

Deno.test("commandCode() leaves out the folder that a command wrote to, however it is quoted, and tells from it what lay beside it elsewhere", () => {
  const cases = [
    ["deno task bench --out reports/a --model micro", "`deno task bench --model micro`"],
    ["deno task bench --model micro --out=reports/a", "`deno task bench --model micro`"],
    ["deno task bench --out 'my reports' --steps 5", "`deno task bench --steps 5`"],
    ["deno task bench --out $'a\\'b' --steps 5", "`deno task bench --steps 5`"],
    ["python3 bench/peers/timm_deit.py --out results.jsonl", "`python3 bench/peers/timm_deit.py`"],
    ["deno task bench --model micro", "`deno task bench --model micro`"],
    ["deno task bench --peers /away/set/p --out /away/set/a", "`deno task bench --peers ../p`"],
    ["deno task bench --out /away/set/a --peers /else/p", "`deno task bench --peers /else/p`"],
    ["deno task bench --peers reports/p --out reports/a", "`deno task bench --peers reports/p`"],
  ];
  for (const [command, code] of cases) assertEquals(commandCode(command), code);
});
