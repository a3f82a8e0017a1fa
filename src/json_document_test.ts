import { assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { UserError } from "./errors.ts";
import { documentName, only, parseDocument } from "./json_document.ts";

const schema = z.strictObject({ name: documentName("policy") }, only(["name"]));
const parse = (json: unknown) => parseDocument(schema, json, "f.json");

Deno.test("A name may have whatever is shown as it is", () => {
  const names = [
    "mesa8-paper",
    "attention: head",
    "q, k, v",
    "GELU 4, else 8",
    "größer (β = 0.9)",
    "8'",
    "模型",
  ];
  for (const name of [...names, "x".repeat(80)]) assertEquals(parse({ name }), { name });
});

const attacks = {
  "a script": "<script>alert(1)</script>",
  "an entity": "a&lt;b",
  "a cell of a table": "a | b",
  "a line break": "a\nb",
  "a carriage return": "a\rb",
  "a line separator": "a\u2028b",
  "an escape sequence": "\x1b[2Jgone",
  "an escape sequence of one byte": "\x9b2J",
  "a zero byte": "a\0",
  "text from right to left": "a\u202Eb",
  "nothing to see": "\u200B",
  "a space that makes it look like a preset": "exact ",
  "spaces alone": "  ",
  "a code span": "`a`",
  "a quote": 'a"b',
  "a backslash": "a\\b",
  "half a character": "\uD800",
  "no end": "x".repeat(81),
};

for (const [what, name] of Object.entries(attacks)) {
  Deno.test(`A name with ${what} is refused, and not repeated`, () => {
    assertEquals(
      assertThrows(() => parse({ name }), UserError).message,
      "f.json: name must be at most 80 characters, begin and end with no space, " +
        'and have no control characters and none of < > & | ` " \\',
    );
  });
}

Deno.test("A name that is none is asked for", () => {
  for (const name of [undefined, 3, ""]) {
    const { message } = assertThrows(() => parse({ name }), UserError);
    assertEquals(message, "f.json: name must be given: the policy's name in tables and results");
  }
});

Deno.test("An unknown field reaches no terminal raw", () => {
  const { message } = assertThrows(() => parse({ name: "a", "\x1b[2J": 1 }), UserError);
  assertEquals(message, 'f.json has the unknown field "\\u001b[2J"; known fields are name');
});
