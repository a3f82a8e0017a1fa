import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { renderReport, sections, softwareBrand } from "./report.ts";
import { fakeErrors, fakeImageRecord, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";

const mesa8 = {
  memory: { ...fakeMeasurement().memory!, savedBytes: 3 * 2 ** 18 },
  timing: { ...fakeMeasurement().timing!, stepMilliseconds: [11, 13.2, 12.1] },
  quality: fakeQuality(3.015, { clippedShare: 0.0012 }),
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

Deno.test("the throughput table tells what halves clipped, of all processes, and little from nothing", () => {
  const clipping = (policy: string, shares: number[]) =>
    shares.map((overflowShare, round) => fakeRecord({ policy, round }, { overflowShare }));
  const told = table("Throughput", [...clipping("exact", [0, 0]), ...clipping("mesa8", [0, 5e-7])])!;
  const row = told.split("\n").find((line) => line.includes("clipped operands"))!;
  assertEquals(row.split("|").slice(4, 6).map((cell) => cell.trim()), ["0.00%", "2.5e-7"]);
  assertFalse(table("Throughput")!.includes("clipped operands"));
});

Deno.test("the memory table tells block inputs of the live peak where a policy keeps any, and those of old records", () => {
  const { memory } = fakeMeasurement();
  const liveAtPeak = { parameters: 2 ** 21, inputs: 2 ** 20 };
  const of = (liveAtPeak: object) => ({ memory: { ...memory!, liveAtPeak } });
  assertEquals(
    table("Memory", [
      fakeRecord({ policy: "exact" }, of({ parameters: 2 ** 21, saved: 2 ** 21 })),
      fakeRecord({ policy: "recompute" }, of(liveAtPeak)),
    ]),
    `
| model |  tokens |                       | exact |     recompute |
| :---- | ------: | :-------------------- | ----: | ------------: |
| nano  | 4 × 128 | saved activations     | 3 MiB | 3 MiB (1.00×) |
|       |         | live peak             | 4 MiB | 4 MiB (1.00×) |
|       |         | of these block inputs |     – |         1 MiB |
|       |         | buffers               | 4 MiB | 4 MiB (1.00×) |
`.trim(),
  );
});

Deno.test("the memory table tells what is saved against half, where half stands beside it", () => {
  const saved = (savedBytes: number) => ({ memory: { ...fakeMeasurement().memory!, savedBytes } });
  assertEquals(
    table("Memory", [
      fakeRecord({ policy: "exact" }, saved(4 * 2 ** 20)),
      fakeRecord({ policy: "half" }, saved(2 * 2 ** 20)),
      fakeRecord({ policy: "mesa8" }, saved(2 ** 20)),
      fakeRecord({ policy: "mesa4" }, { memory: null, status: "error" }),
    ])!.split("\n").slice(0, 4).join("\n"),
    `
| model |  tokens |                     | exact |          half |         mesa8 |  mesa4 |
| :---- | ------: | :------------------ | ----: | ------------: | ------------: | -----: |
| nano  | 4 × 128 | saved activations   | 4 MiB | 2 MiB (0.50×) | 1 MiB (0.25×) | failed |
|       |         | saved, against half | 2.00× |         1.00× |         0.50× | failed |
`.trim(),
  );
});

Deno.test("the throughput table pairs the speeds of a round", () => {
  assertEquals(
    table("Throughput"),
    `
| model |  tokens |            |         exact |               mesa8 |
| :---- | ------: | :--------- | ------------: | ------------------: |
| nano  | 4 × 128 | tokens/s   |        30,118 |              22,165 |
|       |         | step       | 17.0 ± 5.0 ms |       23.1 ± 9.9 ms |
|       |         | speed      |         1.00× | 0.78× (no interval) |
|       |         | dispatches |           100 |                 100 |
`.trim(),
  );
});

Deno.test("the table of pieces tells each cell's of the policies that take mini-sequences", () => {
  const program = { dispatchesPerStep: 100, kernelVariants: {} };
  const pieces = (mlp: number, head: number | null) => ({ program: { ...program, pieces: { mlp, head } } });
  assertEquals(
    table("Tokens of a piece", [
      fakeRecord({ policy: "exact", sequence: 16384 }),
      fakeRecord({ policy: "mst", sequence: 16384 }, pieces(4096, 65536)),
      fakeImageRecord({ policy: "mst" }, pieces(260, null)),
    ]),
    `
| model    |    tokens | policy |   MLP | head |
| :------- | --------: | :----- | ----: | ---: |
| nano     | 4 × 16384 | mst    | 4,096 |  all |
| vit-nano |    4 × 65 | mst    |   all |    – |
`.trim(),
  );
  assertEquals(table("Tokens of a piece"), undefined);
});

Deno.test("rounds that disagree are told apart, and only they", () => {
  const text = table("Rounds that disagree")!;
  assertStringIncludes(
    text,
    `
| model |  tokens | policy |  step by round | tokens/s by round |
| :---- | ------: | :----- | -------------: | ----------------: |
| nano  | 4 × 128 | exact  |   11 ms, 22 ms |    46,545, 23,273 |
| nano  | 4 × 128 | mesa8  | 12.1 ms, 33 ms |    42,314, 15,515 |
`.trim(),
  );
  assertStringIncludes(text, "with `--precision` or more `--rounds`");
  const like = (round: number) => fakeRecord({ round, qualitySteps: 0 }, { quality: null });
  assertEquals(table("Rounds that disagree", [like(0), like(1)]), undefined);
  assertEquals(table("Rounds that disagree", [like(0)]), undefined);
  const apart = (milliseconds: number) =>
    [10, milliseconds].map((step, round) => ({
      ...like(round),
      timing: { ...fakeMeasurement().timing!, stepMilliseconds: [step] },
    }));
  assertEquals(table("Rounds that disagree", apart(10.9)), undefined);
  assertStringIncludes(table("Rounds that disagree", apart(11.2))!, "10 ms, 11.2 ms");
  const software = structuredClone(records);
  for (const { environment } of software) environment.adapterClass = "software";
  assertEquals(table("Rounds that disagree", software), undefined);
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

/** Images, trained from two seeds; `mesa8` lost its second. */
const images = [
  fakeImageRecord({}, { quality: fakeQuality(2, { validationTop1: 0.3 }) }),
  fakeImageRecord({ policy: "mesa8" }, { quality: fakeQuality(2.02, { validationTop1: 0.29 }) }),
  fakeImageRecord({ seed: 2, round: 1 }, { quality: fakeQuality(2.2, { validationTop1: 0.34 }) }),
];

Deno.test("the throughput table tells speeds by what ran where exact did not, but none beside itself alone", () => {
  const speeds = (...policies: string[]) => {
    const records = policies.map((policy) => fakeRecord({ policy }));
    const exact = fakeRecord({}, { status: "oom", timing: null });
    const lines = table("Throughput", [exact, ...records])!.split("\n");
    return lines.filter((line) => /\| speed +\|/.test(line)).map((line) =>
      line.match(/[\d.]+×|out of memory/g)
    );
  };
  assertEquals(speeds("mst", "mst8"), [["out of memory", "1.00×", "1.00×"]]);
  assertEquals(speeds("mst8"), []);
});

Deno.test("the throughput table counts images beside tokens", () => {
  // 11 ms a step: 4 / 0.011 images, 65 tokens each.
  assertEquals(
    table("Throughput", images)!.split("\n").slice(0, 4).join("\n"),
    `
| model    | tokens |            |         exact |               mesa8 |
| :------- | -----: | :--------- | ------------: | ------------------: |
| vit-nano | 4 × 65 | tokens/s   |        23,636 |              23,636 |
|          |        | images/s   |           364 |                 364 |
`.trim(),
  );
});

Deno.test("the quality table gives means over the seeds, top-1, and the ratio over the seeds that both have", () => {
  // Deviation of 2 and 2.2: √(2 · 0.1²) = 0.1414; of 0.30 and 0.34: 2.83 points. 2.02 against seed 1's 2: +1 %.
  assertEquals(
    table("Quality", [...images, records[0]])!.split("\n\n")[0],
    `
| model    |  tokens | steps | seeds | unigram entropy |                 |           exact |           mesa8 |
| :------- | ------: | ----: | ----: | --------------: | :-------------- | --------------: | --------------: |
| vit-nano |  4 × 65 |    30 |   1–2 |               – | validation loss | 2.1000 ± 0.1414 | 2.0200 (+1.00%) |
|          |         |       |       |                 | top-1           |  32.00% ± 2.83% |          29.00% |
|          |         |       |       |                 | clipped values  |           0.00% |           0.00% |
| nano     | 4 × 128 |    30 |     1 |          3.2500 | validation loss |          3.0000 |               – |
|          |         |       |       |                 | clipped values  |           0.00% |               – |
`.trim(),
  );
});

Deno.test("the quality table's ratio leaves out a seed that exact lost", () => {
  const other = fakeImageRecord({ policy: "mesa8", seed: 2, round: 1 }, { quality: fakeQuality(9) });
  const [exact, mesa8] = images;
  assertStringIncludes(table("Quality", [exact, mesa8, other])!, "± 4.9356 (+1.00%)");
});

Deno.test("what does not apply to a cell that diverged is no divergence, nor is a driver's growth of nothing its memory", () => {
  const memory = { ...fakeMeasurement().memory!, driverBytes: 0 };
  const of = [fakeRecord({}, { memory }), fakeRecord({ policy: "mesa2" }, { status: "diverged", memory })];
  for (const title of ["Memory", "Throughput"]) {
    const text = table(title, of)!;
    assertFalse(text.includes("diverged") || text.includes("driver") || text.includes("images"), text);
  }
});

Deno.test("a loss that is not a number is not hidden in a mean", () => {
  const diverged = fakeImageRecord({ policy: "mesa8", seed: 2, round: 1 }, { quality: fakeQuality(null) });
  assertStringIncludes(table("Quality", [...images, diverged])!, "| not a number (1 of 2 seeds) |");
});

Deno.test("the report says that images were generated, unless they were not", () => {
  assertStringIncludes(table("Quality", images)!, "**generated images**");
  const cifar = structuredClone(images);
  for (const { data } of cifar) {
    if (data.kind === "images") Object.assign(data, { generated: false, name: "CIFAR-10" });
  }
  assertFalse(table("Quality", cifar)!.includes("generated"));
  assertStringIncludes(table("Quality", cifar)!, "trained and validated on CIFAR-10.");
  assertFalse(table("Quality")!.includes("images"));
});

Deno.test("a cell out of memory is a row that says so, with the bytes it wanted", () => {
  const oom = {
    status: "oom" as const,
    message: "Not enough | memory left\nDetails",
    wantedBytes: 3 * 2 ** 30,
    program: null,
    timing: null,
    quality: null,
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
  assertStringIncludes(table("Memory", withOom)!, "| 4 MiB: out of memory |");
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
    command: "deno task bench --model nano",
    started: new Date("2026-11-22T01:02:03Z"),
    sources: "fedcba9876543210",
    missing: 5,
    charts: [{ file: "memory.svg", caption: "Memory by category" }],
  };
  const report = renderReport(records, run);
  assertStringIncludes(report, "# Headroom on Imaginary 9000, 2026-11-22\n");
  assertStringIncludes(report, "Made by `deno task bench --model nano` on 2026-11-22T01:02:03Z");
  assertStringIncludes(
    report,
    "commit 0123456789ab with uncommitted changes (sources fedcba987654), seed 1. 4 records",
  );
  assertStringIncludes(report, "**Not finished**: 5 processes of the plan are missing;");
  assertFalse(report.includes("Micro-batches"));
  const parts = records.map((r) => ({ ...r, configuration: { ...r.configuration, accumulate: 4 } }));
  assertStringIncludes(
    renderReport(parts, run),
    "Micro-batches of a step, which tables name before its sequences",
  );
  const whole = renderReport(records, { ...run, command: "deno task bench --data '`id`'", missing: 0 });
  assertFalse(whole.includes("Not finished"));
  assertStringIncludes(whole, "Made by ``deno task bench --data '`id`'`` on ");
  assertStringIncludes(report, "![Memory by category](memory.svg)");
  for (const { title, table } of sections(records)) assertStringIncludes(report, `## ${title}\n\n${table}\n`);
});

Deno.test("renderReport() tells how many variants were set, of those that one file can tell", () => {
  const cell = (arithmetic: "f32" | "f16", of: string[], set: string[]) => {
    const variants = (keys: string[]) => Object.fromEntries(keys.map((key) => [key, "tiled"]));
    return fakeRecord({
      ...{ policy: arithmetic === "f32" ? "exact" : "half", beside: {}, variants: variants(set) },
      ...arithmetic === "f16" && { arithmetic },
    }, { program: { dispatchesPerStep: 9, kernelVariants: {}, variants: variants(of) } });
  };
  const run = { command: "deno task bench", started: new Date(0), missing: null, charts: [] };
  const of = (...records: Parameters<typeof renderReport>[0]) => renderReport(records, run);
  const native = cell("f32", ["a", "b", "c"], ["a", "b"]);
  assertStringIncludes(of(native), "2 set by a tuning run or a file, 1 by the table");
  const both = of(native, cell("f16", ["d", "e"], ["d", "e"]));
  assertStringIncludes(both, "Those of steps in f32: 2 set by a tuning run or a file, 1 by the table");
});

Deno.test("sections() have gradient error, parity and the paper's table only where they were measured", () => {
  const titles = (of: typeof records) => sections(of).map(({ title }) => title);
  assertEquals(titles(records), ["Memory", "Throughput", "Rounds that disagree", "Quality"]);
  const more = [
    fakeRecord({ model: "deit-tiny", batch: 128 }),
    fakeRecord({ model: "deit-tiny", batch: 128, policy: "mesa8" }, {
      quality: fakeQuality(3, { gradientErrors: [fakeErrors(10, 0.02)] }),
    }),
    fakeRecord({ model: "deit-tiny", batch: 128, seed: 2, round: 1 }),
    fakeRecord({ model: "deit-tiny", batch: 128, seed: 2, round: 1, policy: "mesa8" }),
  ];
  assertEquals(titles(more), [
    "Memory",
    "Throughput",
    "Quality",
    "Gradient error",
    "Parity",
    "The paper's table",
  ]);
});

Deno.test("a table of more than five policies has a row for each", () => {
  const names = ["exact", "half", "mesa8", "mesa4", "mesa2", "tensor8"] as const;
  const failed = { memory: null, timing: null, quality: null, status: "error" as const };
  const many = names.map((policy) => fakeRecord({ policy }, policy === "mesa2" ? failed : {}));
  assertEquals(
    table("Memory", many),
    `
| model |  tokens | policy  | saved activations | saved, against half |     live peak |       buffers |
| :---- | ------: | :------ | ----------------: | ------------------: | ------------: | ------------: |
| nano  | 4 × 128 | exact   |             3 MiB |               1.00× |         4 MiB |         4 MiB |
|       |         | half    |     3 MiB (1.00×) |               1.00× | 4 MiB (1.00×) | 4 MiB (1.00×) |
|       |         | mesa8   |     3 MiB (1.00×) |               1.00× | 4 MiB (1.00×) | 4 MiB (1.00×) |
|       |         | mesa4   |     3 MiB (1.00×) |               1.00× | 4 MiB (1.00×) | 4 MiB (1.00×) |
|       |         | mesa2   |            failed |              failed |        failed |        failed |
|       |         | tensor8 |     3 MiB (1.00×) |               1.00× | 4 MiB (1.00×) | 4 MiB (1.00×) |
`.trim(),
  );
});

Deno.test("renderReport() opens with answers, folds documents, and explains only the words that it uses", () => {
  const run = { command: "deno task bench", started: new Date(0), missing: 0, charts: [] };
  const report = renderReport(records, run);
  const [opening] = report.split("\n## ");
  assertStringIncludes(opening, "- `mesa8` takes **1.00×** of `exact`'s buffers");
  assert(opening.indexOf("**Not proved**") < opening.indexOf("Made by "));
  assertStringIncludes(report, "<details><summary>The storage policies, complete</summary>\n\n```json");
  const explained = report.split("## How to read it")[1].split("## ")[0];
  for (const word of ["live peak", "speed", "(0.26×)"]) assertStringIncludes(explained, `**${word}**`);
  for (const word of ["driver", "top-1", "relative error", "tokens of a piece"]) {
    assertFalse(explained.includes(`**${word}**`), word);
  }
});

Deno.test("renderReport() folds a long list of cells that failed, and no short one", () => {
  const run = { command: "deno task bench", started: new Date(0), missing: 0, charts: [] };
  const failed = (count: number) =>
    Array.from(
      { length: count },
      (_, i) =>
        fakeRecord({ sequence: 64 + i }, { status: "error", message: "no", timing: null, quality: null }),
    );
  assertStringIncludes(
    renderReport(failed(11), run),
    "## What failed\n\n<details><summary>11 cells</summary>\n\n| model",
  );
  assertStringIncludes(renderReport(failed(10), run), "## What failed\n\n| model");
});
