import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { forTerminal } from "./terminal.ts";

const table = `
| model |  tokens | policy      | saved activations |            speed |
| :---- | ------: | :---------- | ----------------: | ---------------: |
| nano  | 4 × 128 | \`exact\`   |             3 MiB |            1.00× |
|       |         | mesa8       |   768 KiB (0.25×) | 0.79× (0.67–0.9) |
| micro | 8 × 256 | a \\| pipe  |             5 MiB |            1.00× |
`.trim();

Deno.test("forTerminal() draws a table that fits without its markup", () => {
  assertEquals(
    forTerminal(table, 80),
    `
model   tokens  policy    saved activations             speed
─────  ───────  ────────  ─────────────────  ────────────────
nano   4 × 128  exact                 3 MiB             1.00×
                mesa8       768 KiB (0.25×)  0.79× (0.67–0.9)
micro  8 × 256  a | pipe              5 MiB             1.00×
`.trim(),
  );
});

Deno.test("forTerminal() breaks a wide table by model, and a wider one by column", () => {
  assertEquals(
    forTerminal(table, 48),
    `
nano, 4 × 128

policy  saved activations             speed
──────  ─────────────────  ────────────────
exact               3 MiB             1.00×
mesa8     768 KiB (0.25×)  0.79× (0.67–0.9)

micro, 8 × 256

policy    saved activations  speed
────────  ─────────────────  ─────
a | pipe              5 MiB  1.00×
`.trim(),
  );
  const narrow = forTerminal(table, 30).split("\n");
  assert(narrow.every((line) => line.length <= 30), narrow.join("\n"));
  assertEquals(narrow.filter((line) => line.startsWith("policy")).length, 4);
});

Deno.test("forTerminal() repeats all columns of words beside the others, as far as there is room", () => {
  const fits = `
| policy | at       | largest | proof   |
| :----- | :------- | ------: | ------: |
| exact  | batch 1  |      10 | trained |
| exact  | batch 16 |       2 | trained |
`.trim();
  assertEquals(
    forTerminal(fits, 30),
    `
policy  at        largest
──────  ────────  ───────
exact   batch 1        10
exact   batch 16        2

policy  at          proof
──────  ────────  ───────
exact   batch 1   trained
exact   batch 16  trained
`.trim(),
  );
});

Deno.test("forTerminal() wraps prose, indents what follows a bullet, and leaves definitions to the report", () => {
  const text =
    "Where **it** is\n\n- one two three four\n- `five`\n\n- **word**: what it means\n- **other**: too";
  assertEquals(forTerminal(text, 14), "Where it is\n\n- one two\n  three four\n- five");
});

Deno.test("forTerminal() lets a word that is longer than a line stand", () => {
  const long = "a".repeat(30);
  assertStringIncludes(forTerminal(`see ${long} there`, 10), `\n${long}\n`);
  assertFalse(forTerminal("one two", 80).includes("\n"));
});
