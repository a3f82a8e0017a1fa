import { assertEquals } from "@std/assert";
import { resultsJsonSchema } from "./run_header.ts";
import { fakeHeader, fakeRecord } from "./testing.ts";

/** A line that has every field but the optional ones, and those. */
const lines: [line: object, optional: string[]][] = [
  [fakeHeader([]), [
    "config",
    "longest",
    "reinvest",
    "frontier",
    "peers",
    "timeout",
    "stopping",
    "shard",
    "interleaved",
  ]],
  [fakeRecord(), ["overflowShare", "ranks"]],
];

Deno.test("resultsJsonSchema() describes every field of a header and of a record", () => {
  const schemas = resultsJsonSchema().anyOf as { properties: object; required: string[] }[];
  for (const [index, { properties, required }] of schemas.entries()) {
    const [line, optional] = lines[index];
    assertEquals(required.toSorted(), Object.keys(line).sort());
    assertEquals(Object.keys(properties).sort(), [...required, ...optional].sort());
  }
  assertEquals(schemas.length, lines.length);
});
