import { assertEquals, assertStringIncludes } from "@std/assert";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { renderSummary } from "./summary.ts";

const timing = (milliseconds: number) => ({
  clock: "gpu" as const,
  stepMilliseconds: [milliseconds],
  setupMilliseconds: 1,
});

Deno.test("renderSummary() draws memory and speed as bars of text, and shows no picture", () => {
  const { memory } = fakeMeasurement();
  const text = renderSummary([
    fakeRecord({}, { timing: timing(10) }),
    fakeRecord({ policy: "half" }, {
      timing: timing(20),
      memory: { ...memory!, bufferBytes: memory!.bufferBytes * 0.55 },
    }),
    fakeRecord({ policy: "mesa8" }, { status: "error", message: "No", timing: null, memory: null }),
  ]);
  assertStringIncludes(text, "**nano, 4 × 128**");
  const rows = text.split("\n").filter((line) => /^\| `/.test(line)).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  assertEquals(rows.slice(0, 3), [
    ["`exact`", `${"█".repeat(20)} 4 MiB`, `${"█".repeat(20)} 1.00×`],
    ["`half`", `${"█".repeat(11)} 2.2 MiB`, `${"█".repeat(10)} 0.50×`],
    ["`mesa8`", "–", "–"],
  ]);
  assertEquals(text.includes("!["), false);
  assertStringIncludes(text, "<details><summary>Memory</summary>");
});

Deno.test("renderSummary() draws a part of a character by eighths", () => {
  const { memory } = fakeMeasurement();
  const text = renderSummary([
    fakeRecord(),
    fakeRecord({ policy: "half" }, { memory: { ...memory!, bufferBytes: memory!.bufferBytes * (5.5 / 20) } }),
  ]);
  assertStringIncludes(text, `| █████▌ ${"1.1 MiB"}`);
});
