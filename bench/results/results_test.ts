import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { appendRecord, jsonSchema, parseConfiguration, parseMeasurement, readRecords } from "./results.ts";
import { fakeConfiguration, fakeMeasurement, fakeRecord } from "./testing.ts";

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await work(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("readRecords() gives back what appendRecord() wrote", () =>
  withFile(async (path) => {
    const records = [fakeRecord(), fakeRecord({ policy: "half" }, { status: "timeout", timing: null })];
    for (const record of records) await appendRecord(path, record);
    assertEquals(await readRecords(path), { records, skipped: [] });
  }));

Deno.test("readRecords() skips a last line that was cut off, and says so", () =>
  withFile(async (path) => {
    await appendRecord(path, fakeRecord());
    await Deno.writeTextFile(path, JSON.stringify(fakeRecord()).slice(0, 300), { append: true });
    const { records, skipped } = await readRecords(path);
    assertEquals(records, [fakeRecord()]);
    assertEquals(skipped, [`${path}:2: skipped, not a whole line of JSON`]);
  }));

Deno.test("readRecords() skips a record of another version and names the field", () =>
  withFile(async (path) => {
    await Deno.writeTextFile(path, JSON.stringify({ ...fakeRecord(), schema: 99 }) + "\n");
    const { records, skipped } = await readRecords(path);
    assertEquals(records, []);
    assertStringIncludes(skipped[0], ":1: skipped, schema:");
  }));

Deno.test("a loss that is not a number survives as null", () => {
  const quality = { ...fakeMeasurement().quality!, validationLoss: NaN };
  const line = JSON.stringify(fakeMeasurement({ quality }));
  assertEquals(parseMeasurement(line)?.quality?.validationLoss, null);
});

Deno.test("parseMeasurement() gives null for other output", () => {
  assertEquals(parseMeasurement("Segmentation fault"), null);
  assertEquals(parseMeasurement('{"status":"ok"}'), null);
});

Deno.test("parseConfiguration() names the field that is wrong", () => {
  assertEquals(parseConfiguration(JSON.stringify(fakeConfiguration())), fakeConfiguration());
  const wrong = JSON.stringify({ ...fakeConfiguration(), batch: 0 });
  assertThrows(() => parseConfiguration(wrong), UserError, "This is no configuration of a cell: batch:");
});

Deno.test("jsonSchema() describes every field of a record", () => {
  const { properties, required } = jsonSchema();
  assertEquals(Object.keys(properties!).sort(), Object.keys(fakeRecord()).sort());
  assertEquals(required?.length, Object.keys(fakeRecord()).length);
});
