import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { renderReport, sections, softwareBrand } from "./report.ts";
import { fakeMeasurement, fakeRecord } from "./testing.ts";

const mesa8 = {
  memory: { ...fakeMeasurement().memory!, savedBytes: 3 * 2 ** 18 },
  timing: { ...fakeMeasurement().timing!, stepMilliseconds: [11, 13.2, 12.1] },
  quality: { ...fakeMeasurement().quality!, validationLoss: 3.015, clippedShare: 0.0012 },
};
const slowRound = { timing: { ...fakeMeasurement().timing!, stepMilliseconds: [22, 22, 22] }, quality: null };
const slowMesa8 = { timing: { ...fakeMeasurement().timing!, stepMilliseconds: [33, 33, 33] }, quality: null };

/** Two rounds of two policies; the second round is twice as slow for both. */
const records = [
  fakeRecord({ policy: "exact" }),
  fakeRecord({ policy: "mesa8" }, mesa8),
  fakeRecord({ policy: "exact", round: 1, qualitySteps: 0 }, slowRound),
  fakeRecord({ policy: "mesa8", round: 1, qualitySteps: 0 }, { memory: mesa8.memory, ...slowMesa8 }),
];

const table = (title: string, of = records) =>
  sections(of).find((section) => section.title.startsWith(title))?.table;

Deno.test("the memory table shows policies side by side, with their ratio to exact", () => {
  assertEquals(
    table("Memory"),
    `
| model |  tokens |                   | exact |           mesa8 |
| :---- | ------: | :---------------- | ----: | --------------: |
| nano  | 4 × 128 | saved activations | 3 MiB | 768 KiB (0.25×) |
|       |         | live peak         | 4 MiB |   4 MiB (1.00×) |
|       |         | buffers           | 4 MiB |   4 MiB (1.00×) |
`.trim(),
  );
});

Deno.test("the throughput table pairs the speeds of a round", () => {
  assertEquals(
    table("Throughput"),
    `
| model |  tokens |          |         exact |             mesa8 |
| :---- | ------: | :------- | ------------: | ----------------: |
| nano  | 4 × 128 | tokens/s |        30,118 |            22,165 |
|       |         | step     | 17.0 ± 5.0 ms |     23.1 ± 9.9 ms |
|       |         | speed    |         1.00× | 0.79× (0.67–0.91) |
`.trim(),
  );
});

Deno.test("the quality table shows losses beside the unigram entropy", () => {
  assertEquals(
    table("Quality"),
    `
| model |  tokens | steps | unigram entropy |                 |  exact |           mesa8 |
| :---- | ------: | ----: | --------------: | :-------------- | -----: | --------------: |
| nano  | 4 × 128 |    30 |          3.2500 | validation loss | 3.0000 | 3.0150 (+0.50%) |
|       |         |       |                 | clipped values  |  0.00% |           0.12% |
`.trim(),
  );
});

Deno.test("a cell out of memory is a row that says so, with the bytes it wanted", () => {
  const oom = {
    ...{ status: "oom", message: "Not enough | memory left\nDetails", wantedBytes: 3 * 2 ** 30 } as const,
    ...{ program: null, timing: null, quality: null },
  };
  const withOom = [
    fakeRecord({ policy: "exact" }, oom),
    ...records.filter((r) => r.configuration.policy !== "exact"),
  ];
  assertEquals(
    table("What failed", withOom),
    `
| model |  tokens | policy |               | bytes wanted | message                   |
| :---- | ------: | :----- | :------------ | -----------: | :------------------------ |
| nano  | 4 × 128 | exact  | out of memory |        3 GiB | Not enough \\| memory left |
`.trim(),
  );
  assertStringIncludes(table("Throughput", withOom)!, "out of memory |");
  assertEquals(table("What failed"), undefined);
});

Deno.test("every table of a software adapter is branded", () => {
  const software = fakeRecord();
  software.environment.adapterClass = "software";
  const titles = sections([software]).map(({ title }) => title);
  assertEquals(titles.length, 3);
  assert(titles.every((title) => title.endsWith(`(${softwareBrand})`)));
  assertFalse(sections(records).some(({ title }) => title.includes(softwareBrand)));
});

Deno.test("renderReport() says how the report was made", () => {
  const run = {
    ...{ command: "deno task bench --model nano", started: new Date("2026-11-22T01:02:03Z"), planned: 9 },
    ...{ interrupted: true, charts: [{ file: "memory.svg", caption: "Memory by category" }] },
  };
  const report = renderReport(records, run);
  assertStringIncludes(report, "# Headroom on Imaginary 9000, 2026-11-22\n");
  assertStringIncludes(report, "Made by `deno task bench --model nano` on 2026-11-22T01:02:03Z");
  assertStringIncludes(report, "commit 0123456789ab with uncommitted changes, seed 1");
  assertStringIncludes(report, "**Interrupted** after 4 of 9 processes.");
  assertStringIncludes(report, "![Memory by category](memory.svg)");
  for (const { title, table } of sections(records)) assertStringIncludes(report, `## ${title}\n\n${table}\n`);
});
