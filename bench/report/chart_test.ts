import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { drawCharts } from "./chart.ts";
import { softwareBrand } from "./report.ts";
import { fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";

const records = [
  fakeRecord({ policy: "exact" }),
  fakeRecord({ policy: "mesa8" }),
  fakeRecord({ model: "micro" }),
  fakeRecord({ model: "micro", policy: "mesa8" }),
];

Deno.test("drawCharts() draws memory and the frontier, with every policy and model named", async () => {
  const charts = await drawCharts(records);
  assertEquals(charts.map(({ file }) => file), ["memory.svg", "frontier.svg"]);
  for (const { svg } of charts) {
    for (const word of ["<svg", "exact", "mesa8", "micro", "4 × 128"]) assertStringIncludes(svg, word);
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

Deno.test("drawCharts() draws losses of runs that were long enough, and their differences to exact's", async () => {
  const trained = (policy: string, seed: number) => {
    const trainingLosses = Array.from({ length: 40 }, (_, i) => 5 - i / 20 + seed / 10);
    const quality = fakeQuality(3, { trainingLosses });
    return fakeRecord({ policy, seed, round: seed - 1 }, { memory: null, timing: null, quality });
  };
  const files = async (seeds: number[]) =>
    await drawCharts(seeds.flatMap((seed) => [trained("exact", seed), trained("mesa8", seed)]));
  const [loss, difference] = await files([1, 2]);
  assertEquals([loss.file, difference.file], ["loss.svg", "loss_difference.svg"]);
  for (const word of ["exact", "mesa8", "nano", "4 × 128", "nats per target"]) {
    assertStringIncludes(loss.svg, word);
  }
  assertStringIncludes(difference.svg, "mesa8");
  const one = await files([1]);
  assertEquals(one.map(({ file }) => file), ["loss.svg", "loss_difference.svg"]);
});

/** A measurement whose live peak and buffers take so many bytes. */
const taking = (bytes: number) => ({
  ...fakeMeasurement().memory!,
  livePeakBytes: bytes,
  bufferBytes: bytes,
  liveAtPeak: { saved: bytes },
});

Deno.test("drawCharts() tells memory in GiB, with the total at the end of each bar", async () => {
  const [memory] = await drawCharts([fakeRecord({}, { memory: taking(7.77 * 2 ** 30) })]);
  for (const text of [">GiB<", ">7.77<", ">8<"]) assertStringIncludes(memory.svg, text);
  assertFalse(memory.svg.includes("does not fit"));
});

Deno.test("drawCharts() draws memory on one scale for steps of one size, which several ranks share", async () => {
  const [memory] = await drawCharts([
    fakeRecord({}, { memory: taking(12 * 2 ** 30) }),
    fakeRecord({ ranks: 2 }, { memory: taking(6 * 2 ** 30) }),
    fakeRecord({ batch: 8 }, { memory: taking(24 * 2 ** 30) }),
  ]);
  const heights = [...memory.svg.matchAll(/aria-roledescription="bar" d="M[^"]*?h\S*?v([\d.]+)h/g)];
  assertEquals(heights.map(([, height]) => Math.round(Number(height))), [196, 98, 196]);
});

Deno.test("drawCharts() draws the frontier by ratios to exact, and marks what does not fit", async () => {
  const oom = { status: "oom" as const, memory: taking(2 ** 31), timing: null, quality: null };
  const of = (failed: typeof oom | object) =>
    drawCharts([
      fakeRecord({}, { memory: taking(2 ** 30) }),
      fakeRecord({ policy: "half" }, { memory: taking(2 ** 29) }),
      fakeRecord({ policy: "mesa8" }, failed),
    ]);
  const [memory, frontier] = await of(oom);
  for (const { svg } of [memory, frontier]) assertStringIncludes(svg, "does not fit");
  for (const text of ["speed, of exact's", "buffers, of exact's", ">✕<"]) {
    assertStringIncludes(frontier.svg, text);
  }
  for (const { svg } of await of({})) assertFalse(svg.includes("does not fit"));
});

Deno.test("drawCharts() measures speed against another policy where exact does not fit", async () => {
  const alone = [
    fakeRecord({}, { status: "oom", memory: taking(2 ** 31), timing: null, quality: null }),
    fakeRecord({ policy: "half" }),
  ];
  assertEquals((await drawCharts(alone)).map(({ file }) => file), ["memory.svg"], "a speed beside itself");
  const [, frontier] = await drawCharts([...alone, fakeRecord({ policy: "mesa8" })]);
  assertStringIncludes(frontier.svg, "speed, of half's");
  assertStringIncludes(frontier.svg, "buffers, of exact's");
  assertFalse(frontier.caption.includes("line through a point"), "of one round");
  const rounds = [0, 1, 2].flatMap((round) => [
    fakeRecord({ round }, { status: "oom", memory: taking(2 ** 31), timing: null, quality: null }),
    fakeRecord({ policy: "half", round }),
    fakeRecord({ policy: "mesa8", round }),
  ]);
  const { caption } = (await drawCharts(rounds)).find(({ file }) => file.startsWith("frontier"))!;
  assertStringIncludes(caption, "the line through a point is the interval of its speed");
});

Deno.test("drawCharts() lists in a frontier's legend what is drawn, in any panel, and nothing else", async () => {
  const apart = fakeRecord({ policy: "mesa8", round: 1 }); // in no round of exact's
  const frontier = async (more: Parameters<typeof drawCharts>[0] = []) =>
    (await drawCharts([fakeRecord(), fakeRecord({ policy: "half" }), apart, ...more]))[1].svg;
  const alone = await frontier();
  assertEquals([">half<", ">mesa8<"].map((text) => alone.includes(text)), [true, false]);
  const other = await frontier(["exact", "mesa8"].map((policy) => fakeRecord({ model: "micro", policy })));
  assertStringIncludes(other, ">mesa8<");
});

Deno.test("drawCharts() leaves speed out where exact ran in company", async () => {
  const reference = (milliseconds: number) => ({
    timing: { ...fakeMeasurement().timing!, reference: { work: milliseconds } },
  });
  const names = async (milliseconds: number) =>
    (await drawCharts([
      fakeRecord({}, reference(milliseconds)),
      fakeRecord({ policy: "half" }, reference(1)),
      fakeRecord({ policy: "mesa8" }, reference(1)),
    ])).map(({ file }) => file);
  assertEquals((await names(1)).includes("frontier.svg"), true);
  assertEquals((await names(3)).includes("frontier.svg"), false);
});
