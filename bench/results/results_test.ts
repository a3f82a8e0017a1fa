import { assertEquals } from "@std/assert";
import { adapterTitle, parseAnswer, unread } from "./results.ts";
import { fakeMeasurement } from "./testing.ts";

Deno.test("a loss that is not a number survives as null", () => {
  const quality = { ...fakeMeasurement().quality!, validationLoss: NaN };
  const line = JSON.stringify(unread(fakeMeasurement({ quality })));
  assertEquals(parseAnswer(line)?.measurement.quality?.validationLoss, null);
});

Deno.test("adapterTitle() tells a runtime that is not Deno's own, and none where a record has none", () => {
  const runtimes = [undefined, "native", "dawn"] as const;
  assertEquals(runtimes.map((runtime) => adapterTitle({ adapter: "Card", runtime })), [
    "Card",
    "Card",
    "Card under Dawn",
  ]);
});

Deno.test("parseAnswer() gives null for other output", () => {
  assertEquals(parseAnswer("Segmentation fault"), null);
  assertEquals(parseAnswer('{"measurement":{"status":"ok"}}'), null);
});
