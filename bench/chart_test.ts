import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawCharts } from "./chart.ts";
import { softwareBrand } from "./report.ts";
import { fakeRecord } from "./testing.ts";

const records = [
  fakeRecord({ policy: "exact" }),
  fakeRecord({ policy: "mesa8" }),
  fakeRecord({ model: "micro" }),
];

Deno.test("drawCharts() draws memory and the frontier, with every policy and model named", async () => {
  const charts = await drawCharts(records);
  assertEquals(charts.map(({ file }) => file), ["memory.svg", "frontier.svg"]);
  for (const { svg } of charts) {
    for (const word of ["<svg", "exact", "mesa8", "micro, 4 × 128"]) assertStringIncludes(svg, word);
  }
});

Deno.test("drawCharts() gives the same bytes each time", async () => {
  assertEquals(await drawCharts(records), await drawCharts(records));
});

Deno.test("drawCharts() brands the pictures of a software adapter", async () => {
  const software = fakeRecord();
  software.environment.adapterClass = "software";
  for (const { svg } of await drawCharts([software])) assertStringIncludes(svg, softwareBrand);
});

Deno.test("drawCharts() leaves out a picture that would be empty", async () => {
  assertEquals(await drawCharts([fakeRecord({}, { memory: null, timing: null })]), []);
});
