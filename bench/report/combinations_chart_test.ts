import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawCharts } from "./chart.ts";
import { fakeCombinations, fakeFrontier } from "./frontier_testing.ts";

const all = [
  { name: "exact", policy: "exact", memory: 8, time: 1 },
  { name: "half", policy: "half", memory: 7, time: 2, error: 0.0002 },
  { name: "token8", policy: "token8", memory: 4, time: 1, error: 0.0001 },
  { name: "mesa8", policy: "mesa8", memory: 3, time: 1 },
];

Deno.test("A frontier's legend lists policies that have a speed or a gradient error, and no other", async () => {
  const records = fakeCombinations(all).map((record) =>
    ["exact", "half"].includes(record.configuration.policy)
      ? record
      : { ...record, status: "oom" as const, timing: null }
  );
  const { svg } = (await drawCharts(records, fakeFrontier(all))).find(({ file }) => file === "frontier.svg")!;
  const listed = all.map(({ name }) => svg.includes(`>${name}<`));
  assertEquals(listed, [true, true, true, false]);
  assertStringIncludes(svg, "1  mesa8  (does not fit)");
});
