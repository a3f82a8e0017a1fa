import { assertEquals } from "@std/assert";
import { inlineCode, shellCommand, shellWord } from "./shell.ts";

const words = [
  "a.txt",
  "it's `id`",
  "$(id) $HOME",
  "two words",
  "",
  "-x=1",
  "line\nbreak'\\\x1b[2J\u2028é",
  "!",
  "~",
  "*",
  "#",
];

Deno.test("shellCommand() is read by a shell as the words it was made of", async () => {
  const command = `printf '%s\\0' ${shellCommand(words)}`;
  const { stdout } = await new Deno.Command("bash", { args: ["-c", command], env: { LC_ALL: "C.UTF-8" } })
    .output();
  assertEquals(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
});

Deno.test("shellWord() leaves what is safe as it is, and stays on one line", () => {
  assertEquals(shellWord("reports/x,y=1:2.json"), "reports/x,y=1:2.json");
  assertEquals(shellWord("a b"), "'a b'");
  // deno-lint-ignore no-control-regex
  assertEquals(words.map(shellWord).filter((word) => /[\x00-\x1f]/.test(word)), []);
});

Deno.test("inlineCode() fences with more backticks than the text holds in a row", () => {
  assertEquals(inlineCode("a"), "`a`");
  assertEquals(inlineCode("a `b` ``c"), "```a `b` ``c```");
  assertEquals(inlineCode("`id`"), "`` `id` ``");
});
