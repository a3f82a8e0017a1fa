import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import type { CellMeasurement } from "../results/results.ts";
import { compare } from "./cell_rounds.ts";
import { drawCharts } from "./chart.ts";
import { frontierPoints } from "./frontier.ts";
import { frontierAnswers } from "./frontier_answers.ts";
import { fakeCombinations, fakeFrontier } from "./frontier_testing.ts";
import { frontierSection } from "./frontier_tables.ts";
import { timedOf } from "./timed_cell.ts";

const all = [
  { name: "exact", policy: "exact", memory: 8, time: 1 },
  { name: "half", policy: "half", memory: 7, time: 2, error: 0.0002 },
  { name: "token8", policy: "token8", memory: 4, time: 1, error: 0.0001 },
  { name: "mesa8", policy: "mesa8", memory: 3, time: 1.5, error: 0.0001 },
];
const row = { model: "nano", sequence: 128, batch: 4, name: "f32, plain", bytes: 2 ** 34 };
const told = fakeFrontier(all, [{ ...row, tokensPerSecond: 1000 * 4 * 128 / 404 }]); // half of half's
const unfit = { status: "oom", timing: null, quality: null } as const;

/** The records of all where some end otherwise. */
const ending = (changes: Record<string, Partial<CellMeasurement>>) =>
  fakeCombinations(all).map((record) => ({ ...record, ...changes[record.configuration.policy] }));
const timedName = (changes: Record<string, Partial<CellMeasurement>>) =>
  timedOf(compare(ending(changes))[0])?.configuration.policy;

Deno.test("timedOf() is the base, or where that did not run the first cell that ran to its end", () => {
  assertEquals(timedName({}), "exact");
  assertEquals(timedName({ exact: unfit }), "half");
  assertEquals(timedName({ exact: unfit, half: { status: "diverged" } }), "token8");
  assertEquals(timedName({ exact: unfit, half: unfit, token8: unfit, mesa8: unfit }), undefined);
});

Deno.test("A frontier whose exact does not fit names the cell that speeds are told by, in its sentences and tables", () => {
  const comparisons = compare(ending({ exact: unfit }));
  const text = frontierAnswers(comparisons, told)!;
  assertStringIncludes(text, "and its speed as a multiple of `half`'s:");
  assertStringIncludes(
    text,
    "from **3 GiB** `mesa8` (1.333×, gradient error 0.000100); from **4 GiB** `token8` (2.000×",
  );
  assertFalse(text.includes("()"), text);
  assertStringIncludes(text, "0.50× of `half`'s speed in 2.00× of `exact`'s buffers");
  const lines = frontierSection(comparisons, told)!.split("\n").map((line) => line.replaceAll(/ +/g, " "));
  assertStringIncludes(lines[0], "| of exact's | speed, of half's |");
  assertStringIncludes(lines[3], "| 2 | token8 | 4 GiB | 0.50× | 2.000× (2.000–2.000) |");
  assertStringIncludes(lines[5], "| 4 | exact | 8 GiB | 1.00× | out of memory |");
  assert(lines.some((line) => line.includes("| of exact's buffers | tokens/s | of half's speed |")));
  assert(lines.some((line) => line.includes("| f32, plain | 16 GiB | 2.00× | 1,267 | 0.50× |")));
  const half = frontierPoints(comparisons[0]).find(({ name }) => name === "half")!;
  assertEquals(half.beatenBy.map(({ name }) => name), ["token8", "mesa8"], "the fastest first");
});

Deno.test("A frontier's chart tells speeds by the same cell as its table, and none where that ran in company", async () => {
  const svgOf = async (records: ReturnType<typeof ending>) =>
    (await drawCharts(records, told)).find(({ file }) => file === "frontier.svg")!.svg;
  const other = await svgOf(ending({ exact: unfit }));
  for (const title of ["speed, of half's", "buffers, of exact's"]) assertStringIncludes(other, title);
  const shared = ending({}).map((record) => ({
    ...record,
    timing: { ...record.timing!, reference: { work: record.configuration.policy === "exact" ? 3 : 1 } },
  }));
  const alone = await svgOf(shared);
  assertFalse(alone.includes("speed, of"), "of exact's no time counts");
  assertStringIncludes(alone, "gradient error");
});
