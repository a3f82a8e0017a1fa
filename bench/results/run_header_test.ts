import { assertEquals } from "@std/assert";
import { jsonSchema } from "./run_header.ts";
import { fakeHeader, fakeRecord } from "./testing.ts";

Deno.test("jsonSchema() describes every field of a header and of a record", () => {
  const stopping = { precision: 0.005, fewestRounds: 6, maxSeconds: 300 };
  const lines = [
    fakeHeader([], { stopping, shard: { index: 1, of: 2 }, interleaved: { run: "", side: "new" } }),
    fakeRecord(),
  ];
  const optional = [["stopping", "shard", "interleaved"], []];
  const schemas = jsonSchema().anyOf as { properties: object; required: string[] }[];
  for (const [index, { properties, required }] of schemas.entries()) {
    assertEquals(Object.keys(properties).sort(), Object.keys(lines[index]).sort());
    const needed = Object.keys(lines[index]).filter((key) => !optional[index].includes(key));
    assertEquals(required.toSorted(), needed.sort());
  }
  assertEquals(schemas.length, lines.length);
});
