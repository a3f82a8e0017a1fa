import { assertEquals } from "@std/assert";
import { commandCode } from "./command.ts";

Deno.test("commandCode() leaves out the folder that a command wrote to, however it is quoted", () => {
  const cases = [
    ["deno task bench --out reports/a --model micro", "`deno task bench --model micro`"],
    ["deno task bench --model micro --out=reports/a", "`deno task bench --model micro`"],
    ["deno task bench --out 'my reports' --steps 5", "`deno task bench --steps 5`"],
    ["deno task bench --out $'a\\'b' --steps 5", "`deno task bench --steps 5`"],
    ["python3 bench/peers/timm_deit.py --out results.jsonl", "`python3 bench/peers/timm_deit.py`"],
    ["deno task bench --model micro", "`deno task bench --model micro`"],
  ];
  for (const [command, code] of cases) assertEquals(commandCode(command), code);
});
