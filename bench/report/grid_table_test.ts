import { assertEquals, assertStringIncludes } from "@std/assert";
import { fakeImageRecord, fakeMeasurement, fakeRecord } from "../results/testing.ts";
import type { CellMeasurement } from "../results/results.ts";
import { answers } from "./answers.ts";
import { compare } from "./cell_rounds.ts";
import { byFamily } from "./families.ts";
import { gridTable } from "./grid_table.ts";
import { renderReport } from "./report.ts";

/** A cell of so many MiB of buffers and milliseconds a step; of no milliseconds, one that does not fit. */
const measured = (mebibytes: number, milliseconds: number | null): Partial<CellMeasurement> => {
  const { memory, timing } = fakeMeasurement();
  return {
    memory: { ...memory!, bufferBytes: mebibytes * 2 ** 20 },
    ...milliseconds === null
      ? { status: "oom", timing: null, message: "too much" }
      : { timing: { ...timing!, stepMilliseconds: [milliseconds] } },
    quality: null,
  };
};

const texts = [
  fakeRecord({}, measured(100, 10)),
  fakeRecord({ policy: "mesa8" }, measured(40, 12.5)),
  fakeRecord({ batch: 16 }, measured(400, null)),
  fakeRecord({ batch: 16, policy: "mesa8" }, measured(160, 20)),
];
const images = [
  fakeImageRecord({}, measured(50, 10)),
  fakeImageRecord({ policy: "mesa8" }, measured(10, 20)),
];
const all = compare([...texts, ...images]);

Deno.test("gridTable() has a row for each model and size, and tells what does not fit", () => {
  const [table, note] = gridTable(all)!.split("\n\n");
  const cells = table.split("\n").slice(2).map((line) => line.split("|").slice(1, -1).map((s) => s.trim()));
  const [nano, larger, image] = cells;
  assertEquals(nano, ["nano", "4 × 128", "100 MiB", "51,200", "0.40× at 0.80× (no interval)"]);
  assertEquals(larger, ["nano", "16 × 128", "400 MiB: out of memory", "–", "0.40×"]);
  assertEquals(image.at(-1), "0.20× at 0.50× (no interval)");
  assertEquals(note, "Beside `exact` stand multiples of its buffers, at multiples of its speed.");
});

Deno.test("gridTable() settles no speed on rounds that disagree", () => {
  const rounds = (policy: string, steps: number[]) =>
    steps.map((step, round) => fakeRecord({ policy, round }, measured(100, step)));
  const disagreeing = [...rounds("exact", [10, 20, 10]), ...rounds("mesa8", [20, 20, 20])];
  const rowOf = (records: typeof texts) =>
    gridTable(compare([...records, ...texts.slice(2), ...images]))!.split("\n")[2];
  assertStringIncludes(rowOf(disagreeing), "1.00× at no settled speed");
  const settled = [...rounds("exact", [10, 10, 10]), ...rounds("mesa8", [20, 20, 20])];
  assertStringIncludes(rowOf(settled), "1.00× at 0.50× |");
});

Deno.test("Families are told apart where one has several sizes, and in no smaller report", () => {
  assertEquals(byFamily(all)!.map(({ family, comparisons }) => [family, comparisons.length]), [
    ["GPT-2", 2],
    ["ViT", 1],
  ]);
  const smaller = [texts, [...texts.slice(0, 2), ...images]].map((records) => compare(records));
  assertEquals(smaller.map(byFamily), [null, null]);
  assertEquals(smaller.map(gridTable), [null, null]);
});

Deno.test("answers() tell each family's savings by themselves, and the table stands before what it sums up", () => {
  const records = [...texts, ...images];
  const lines = answers(records, all).split("\n\n");
  assertEquals([lines[0], lines[2]], [
    "**GPT-2**, beside `exact`, over 2 models and sizes:",
    `**ViT**, beside \`exact\`, over ${all[2].model}, ${all[2].batch} × ${all[2].sequence}:`,
  ]);
  assertStringIncludes(lines[1], "- `mesa8` takes **0.40×** of `exact`'s buffers at **0.80×**");
  assertStringIncludes(lines[3], "- `mesa8` takes **0.20×** of `exact`'s buffers");
  const run = { command: "deno task bench", started: new Date(0), missing: 0, charts: [] };
  const titles = [...renderReport(records, run).matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  assertEquals(titles.slice(0, 2), ["Buffers and speed by model", "Memory"]);
});
