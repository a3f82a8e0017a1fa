import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { drawCharts } from "./chart.ts";
import { softwareBrand } from "./report.ts";
import { fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";

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

Deno.test("drawCharts() calls block inputs by that name", async () => {
  const { memory } = fakeMeasurement();
  const inputs = { memory: { ...memory!, liveAtPeak: { inputs: 2 ** 20 } } };
  const [{ svg }] = await drawCharts([fakeRecord({ policy: "recompute" }, inputs)]);
  assertStringIncludes(svg, ">block inputs<");
  assertStringIncludes(svg, "#ff9da6");
  assertFalse(svg.includes(">parameters<"));
});

Deno.test("drawCharts() gives the same bytes again, and in another process of another place", async () => {
  const expected = await drawCharts(records);
  assertEquals(await drawCharts(records), expected);
  const program = `import { drawCharts } from "./chart.ts";
    console.log(JSON.stringify(await drawCharts(JSON.parse(Deno.args[0]))));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program, JSON.stringify(records)],
    cwd: import.meta.dirname,
    env: { TZ: "Pacific/Auckland", LC_ALL: "de_DE.UTF-8" },
  }).output();
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), expected);
});

Deno.test("drawCharts() brands the pictures of a software adapter", async () => {
  const software = fakeRecord();
  software.environment.adapterClass = "software";
  for (const { svg } of await drawCharts([software])) assertStringIncludes(svg, softwareBrand);
});

Deno.test("drawCharts() leaves out a picture that would be empty", async () => {
  assertEquals(await drawCharts([fakeRecord({}, { memory: null, timing: null })]), []);
});

Deno.test("drawCharts() draws losses of runs that were long enough, and differences where exact has two seeds", async () => {
  const trained = (policy: string, seed: number) => {
    const trainingLosses = Array.from({ length: 40 }, (_, i) => 5 - i / 20 + seed / 10);
    const quality = fakeQuality(3, { trainingLosses });
    return fakeRecord({ policy, seed, round: seed - 1 }, { memory: null, timing: null, quality });
  };
  const files = async (seeds: number[]) =>
    await drawCharts(seeds.flatMap((seed) => [trained("exact", seed), trained("mesa8", seed)]));
  const [loss, difference] = await files([1, 2]);
  assertEquals([loss.file, difference.file], ["loss.svg", "loss_difference.svg"]);
  for (const word of ["exact", "mesa8", "nano, 4 × 128", "nats per target"]) {
    assertStringIncludes(loss.svg, word);
  }
  assertStringIncludes(difference.svg, "mesa8");
  assertEquals((await files([1])).map(({ file }) => file), ["loss.svg"]);
});
