import { assertEquals } from "@std/assert";
import { jsonSchema } from "./run_header.ts";
import { fakeHeader, fakeRecord } from "./testing.ts";

Deno.test("jsonSchema() describes every field of a header and of a record", () => {
  const lines = [fakeHeader([]), fakeRecord()];
  const optional = [["shard", "interleaved"], []];
  const schemas = jsonSchema().anyOf as { properties: object; required: string[] }[];
  for (const [index, { properties, required }] of schemas.entries()) {
    assertEquals(Object.keys(properties).sort(), [...Object.keys(lines[index]), ...optional[index]].sort());
    assertEquals(required.length, Object.keys(lines[index]).length);
  }
  assertEquals(schemas.length, lines.length);
});
