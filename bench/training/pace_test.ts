import { assertEquals, assertThrows } from "@std/assert";
import { Pace } from "./pace.ts";

Deno.test("Pace counts what lies between readings, and not what lies between the last of them and the next beginning", () => {
  const now = { wall: 0, processor: 0 };
  const pace = new Pace({ wall: () => now.wall, processor: () => now.processor });
  assertThrows(() => pace.mark(), Error, "before it began");
  const readings: [wall: number, processor: number, of: "begin" | "mark"][] = [
    [10, 1, "begin"],
    [10.5, 1.25, "mark"],
    [12, 2, "mark"],
    [20, 9, "begin"],
    [21, 9.5, "mark"],
  ];
  for (const [wall, processor, of] of readings) {
    Object.assign(now, { wall, processor });
    pace[of]();
  }
  assertEquals(pace.told, { seconds: 3, longestPause: 1.5, processorSeconds: 1.5 });
});
