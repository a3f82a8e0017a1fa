import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { parseAnswer, parseConfiguration, unread } from "./results.ts";
import { fakeConfiguration, fakeMeasurement } from "./testing.ts";

Deno.test("a loss that is not a number survives as null", () => {
  const quality = { ...fakeMeasurement().quality!, validationLoss: NaN };
  const line = JSON.stringify(unread(fakeMeasurement({ quality })));
  assertEquals(parseAnswer(line)?.measurement.quality?.validationLoss, null);
});

Deno.test("parseAnswer() gives null for other output", () => {
  assertEquals(parseAnswer("Segmentation fault"), null);
  assertEquals(parseAnswer('{"measurement":{"status":"ok"}}'), null);
});

Deno.test("parseConfiguration() names the field that is wrong", () => {
  assertEquals(parseConfiguration(JSON.stringify(fakeConfiguration())), fakeConfiguration());
  const wrong = JSON.stringify({ ...fakeConfiguration(), batch: 0 });
  assertThrows(() => parseConfiguration(wrong), UserError, "This is no configuration of a cell: batch:");
});
