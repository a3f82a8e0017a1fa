import { assertEquals, assertStringIncludes } from "@std/assert";
import type { LongestSequence } from "../results/run_header.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { drawCharts } from "./chart.ts";

const small = { update: "backward", clipBy: "last", parameters: "bf16", moments: "8bit" } as const;

const planned = (model: string, policy: string, sequence: number, choices = {}): LongestSequence => ({
  ...{ model, batch: 1, policy, sequence, memory: fakeMeasurement().memory! },
  ...{ limit: { of: "memory", wanted: 2, most: 1 }, update: "backward", clipBy: "last", ...choices },
});

/** A model's record at a length, of so many seconds a step. */
const record = (policy: string, sequence: number, seconds: number) =>
  fakeRecord({ model: `llama3-8b-${sequence}`, batch: 1, sequence, policy, ...small }, {
    timing: { ...fakeMeasurement().timing!, stepMilliseconds: [1000 * seconds] },
  });

const found = [
  planned("llama3-8b", "exact", 0),
  planned("llama3-8b", "exact", 4096, small),
  planned("llama3-8b", "mst", 40960, small),
  planned("llama3-8b", "mst8", 81920, small),
];
const records = [record("exact", 4096, 2), record("mst", 4096, 4), record("mst8", 40960, 40)];

const lengths = async (found: LongestSequence[], own = records) =>
  (await drawCharts(own, { longest: { unit: 1024, found } })).find(({ file }) => file === "lengths.svg");

/** The bars of a picture: what each is told to stand for, as a screen reader says it, with its opacity and fill. */
const bars = (svg: string) =>
  [...svg.matchAll(/aria-label="([^"]*)"[^>]*aria-roledescription="bar"[^>]*>/g)].map(([mark, label]) => ({
    label,
    opacity: /opacity="([\d.]+)"/.exec(mark)?.[1] ?? "1",
    filled: !mark.includes("stroke="),
  }));

Deno.test("drawCharts() draws the longest sequences: what trained, pale what fits by plan, hollow what is published", async () => {
  const { svg } = (await lengths(found))!;
  const of = (field: string) => bars(svg).filter(({ label }) => label.includes(field));
  const opacities = (length: string) => of(`tokens: ${length};`).map(({ opacity }) => opacity);
  assertEquals(opacities("40.96k"), ["0.35", "1"], "a plan under mst, trained under mst8");
  assertEquals(opacities("81.92k"), ["0.35"]);
  assertEquals(opacities("4.096k"), ["0.35", "1", "1"], "a plan and trained under exact, trained under mst");
  assertEquals(of("MST, published").map(({ filled }) => filled), [false, false]);
  assertEquals(opacities("60k"), ["1"]);
  for (
    const text of [
      ">4,096, 2,048 tokens/s<", // what fits trained
      ">40,960, trained 4,096, 1,024 tokens/s<", // a shorter one did
      ">81,920, trained 40,960, 1,024 tokens/s<",
      ">60 K<", // MST's
      ">bf16 weights, 8-bit moments<",
    ]
  ) assertStringIncludes(svg, text);
});

Deno.test("drawCharts() draws speed by length where some were timed, and no picture where no lengths were looked for", async () => {
  const speeds = (
    svg: string,
  ) => [...svg.matchAll(/aria-label="tokens: ([\d.k]+); tokens\/s: ([\d.k]+); policy: (\w+)"[^>]*"point"/g)];
  const told = speeds((await lengths(found))!.svg).map(([, ...point]) => point.join(" "));
  assertEquals(told, ["4.096k 2.048k exact", "4.096k 1.024k mst", "40.96k 1.024k mst8"]);
  assertEquals(speeds((await lengths(found, [records[0]]))!.svg), [], "of one alone there is nothing to see");
  assertEquals([await lengths([]), await lengths([found[0]], [])], [undefined, undefined]);
});

Deno.test("drawCharts() draws what is published beside sequences alone, not several of a batch", async () => {
  const { svg } = (await lengths(found.map((one) => ({ ...one, batch: 2 })), []))!;
  assertEquals(svg.includes("published:"), false);
  assertStringIncludes(svg, ">llama3-8b, 2 sequences<");
});
