import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { answers } from "./answers.ts";
import { compare } from "./cell_rounds.ts";
import { renderSummary } from "./summary.ts";

const timing = (milliseconds: number) => ({
  clock: "gpu" as const,
  stepMilliseconds: [milliseconds],
  setupMilliseconds: 1,
});

const rowsOf = (text: string) =>
  text.split("\n").filter((line) => /^\| `/.test(line)).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );

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
  assertEquals(rowsOf(text).slice(0, 3), [
    ["`exact`", `${"█".repeat(20)} 4 MiB`, "1.00×", "", ""],
    ["`half`", `${"█".repeat(11)} 2.2 MiB`, "0.50× (no interval)", "░".repeat(25), ""],
    ["`mesa8`", "–", "–", "", ""],
  ]);
  assertStringIncludes(text, "a character for each 2%.");
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

/** Four rounds of policies, a step of which takes so long in each. */
const inRounds = (steps: Record<string, number[]>) =>
  Object.entries(steps).flatMap(([policy, times]) =>
    times.map((milliseconds, round) => fakeRecord({ policy, round }, { timing: timing(milliseconds) }))
  );

Deno.test("renderSummary() tells some percent of speed apart, and what is sure of it from what is open", () => {
  const text = renderSummary(inRounds({
    exact: [10, 10, 10, 10],
    half: [10.7, 10.8, 10.75, 10.75],
    mesa8: [9.6, 9.8, 9.6, 9.8],
    token8: [10.05, 9.95, 9.9, 10.1],
    tensor8: [8, 12, 8, 12],
  }));
  assertEquals(rowsOf(text).slice(0, 5).map((row) => row.slice(2)), [
    ["1.00×", "", ""],
    ["0.930× (0.925–0.936)", "░".repeat(2) + "█".repeat(13), ""],
    ["1.031× (1.012–1.051)", "", "█".repeat(2) + "░".repeat(8)],
    ["1.000× (0.986–1.015)", "░".repeat(3), "░".repeat(3)],
    ["not settled (0.703–1.481)", "", ""],
  ]);
  assertStringIncludes(text, "a character for each 0.5%.");
});

Deno.test("renderSummary() draws no null of chaos, beside whose speed the others' would look alike", () => {
  const records = inRounds({ exact: [10, 10, 10], half: [10.5, 10.5, 10.5] });
  const others = records.slice(0, 3).map(({ configuration, ...record }) => ({
    ...record,
    timing: timing(20),
    configuration: { ...configuration, policy: "exact-other-variants", kernels: "other" as const },
  }));
  const text = renderSummary([...records, ...others]);
  assertEquals(rowsOf(text).map(([policy]) => policy), ["`exact`", "`half`"]);
  assertStringIncludes(text, "a character for each 0.5%.");
});

Deno.test("renderSummary() begins with the sentences of the report, and with what is not proved", () => {
  const records = inRounds({ exact: [10, 10, 10], half: [11, 11, 11] });
  const text = renderSummary(records);
  const [, opening] = text.split("# Headroom on Imaginary 9000\n\n");
  assert(opening.startsWith(answers(records, compare(records))), text);
  assert(opening.startsWith("Beside `exact`") && opening.includes("**Not proved**"));
});

Deno.test("renderSummary() has no bars of speed where there is none to compare", () => {
  const text = renderSummary([fakeRecord({}, { timing: timing(10) })]);
  assertEquals(rowsOf(text)[0].slice(2), ["1.00×"]);
  assertFalse(text.includes("How much slower"));
});
