import { assert, assertEquals, assertStringIncludes } from "@std/assert";
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

Deno.test("A frontier's picture numbers every point where no other number stands", async () => {
  const crowd = Array.from({ length: 10 }, (_, i) => ({
    name: `mine ${i}`,
    policy: "token8",
    memory: 5 + i / 12,
    time: 1 + (i % 4) / 100,
    error: i % 3 === 0 ? 0 : 0.001,
  }));
  const points = [...all, ...crowd];
  const rows = ["a", "b", "c", "d", "e"].map((name) => ({
    ...{ name, model: "nano", sequence: 128, batch: 4 },
    ...{ bytes: 5 * 2 ** 30, tokensPerSecond: 5000 },
  }));
  const charts = await drawCharts(fakeCombinations(points), fakeFrontier(points, rows));
  const { svg } = charts.find(({ file }) => file === "frontier.svg")!;
  const panels = [...svg.matchAll(/<g class="mark-text role-mark (\S+)"[^>]*>(.*?)<\/g>/g)]
    .map(([, , marks]) =>
      [
        ...marks.matchAll(/translate\(([\d.-]+),([\d.-]+)\)"[^>]*font-size="(\d+)px"[^>]*>(\w+)<\/text>/g),
      ].map(([, x, y, size, text]) => ({ x: Number(x), y: Number(y), size: Number(size), text }))
    )
    .filter((labels) => labels.length > 0);
  const compared = points.length - 1; // mesa8's gradient was not
  assertEquals(panels.map(({ length }) => length), [points.length, compared, rows.length]);
  for (const labels of panels) {
    for (const [i, one] of labels.entries()) {
      for (const other of labels.slice(i + 1)) {
        const apart = 0.3 * one.size * (one.text.length + other.text.length);
        const clear = Math.abs(one.x - other.x) >= apart || Math.abs(one.y - other.y) >= 0.8 * one.size;
        assert(clear, `${one.text} over ${other.text}`);
      }
    }
  }
});
