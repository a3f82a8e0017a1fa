import { assertEquals } from "@std/assert";
import { adapterTitle, configuration, parseAnswer, unread } from "./results.ts";
import { fakeConfiguration, fakeMeasurement } from "./testing.ts";

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

Deno.test("A cell may train at a rate of 0, as train does, and at none below", () => {
  const of = (learningRate: number) =>
    configuration.safeParse({ ...fakeConfiguration(), learningRate }).success;
  assertEquals([of(0), of(-1e-3)], [true, false]);
});
