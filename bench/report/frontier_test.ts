import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { answers } from "./answers.ts";
import { compare } from "./cell_rounds.ts";
import { drawCharts } from "./chart.ts";
import { frontierPoints, peerPoints, stairs } from "./frontier.ts";
import { frontierAnswers } from "./frontier_answers.ts";
import { frontierSection, plannedTable } from "./frontier_tables.ts";
import { renderReport, sections } from "./report.ts";
import { type FakeCombination, fakeCombinations, fakeFrontier } from "./frontier_testing.ts";

const state = { moments: "8bit", parameters: "bf16" } as const;
const all: FakeCombination[] = [
  { name: "exact", policy: "exact", memory: 8, time: 1 },
  { name: "half", policy: "half", memory: 5, time: 1.05, error: 0.0002 },
  { name: "token8", policy: "token8", memory: 4, time: 1.02, error: 0.004 },
  { name: "mesa8", policy: "mesa8", memory: 4.5, time: 1.1, error: 0.01 },
  { name: "exact + state", policy: "exact", choices: state, memory: 7, time: 1.005 },
  { name: "token8 + state", policy: "token8", choices: state, memory: 3, time: 1.019 },
  {
    name: "exact + f16",
    policy: "exact",
    choices: { arithmetic: "f16" },
    memory: 8.5,
    time: 0.5,
    error: 0.0003,
  },
  {
    name: "exact + state + f16",
    policy: "exact",
    choices: { ...state, arithmetic: "f16" },
    memory: 7.5,
    time: 0.6,
  },
];
const of = (some: readonly FakeCombination[]) => compare(fakeCombinations(some))[0];
const named = (some = all) => new Map(frontierPoints(of(some)).map((point) => [point.name, point]));
const winners = (name: string, some = all) => named(some).get(name)!.beatenBy.map((by) => by.name);

Deno.test("frontierPoints() numbers combinations by memory, and gives each the error of its policy in its arithmetic", () => {
  const points = frontierPoints(of(all));
  assertEquals(points.map(({ number, name }) => `${number} ${name}`), [
    "1 token8 + state",
    "2 token8",
    "3 mesa8",
    "4 half",
    "5 exact + state",
    "6 exact + state + f16",
    "7 exact",
    "8 exact + f16",
  ]);
  const errors = points.map(({ error }) => error);
  assertEquals(errors, [0.004, 0.004, 0.01, 0.0002, 0, 0.0003, 0, 0.0003]);
  const in16 = { policy: "token8", memory: 4, time: 1 };
  const other = named([
    ...all,
    { ...in16, name: "token8 + f16", choices: { arithmetic: "f16" }, error: 0.005 },
    { ...in16, name: "token8 + state + f16", choices: { ...state, arithmetic: "f16" } },
  ]);
  const told = ["token8 + state", "token8 + state + f16"].map((name) => other.get(name)!.error);
  assertEquals(told, [0.004, 0.005]);
  const unknown = all.map((one) => one.name === "token8" ? { ...one, error: undefined } : one);
  assertEquals(named(unknown).get("token8 + state")!.error, null, "nothing was compared");
});

Deno.test("A combination is beaten by what is no worse in memory, speed and gradient error, and better in one", () => {
  assertEquals(winners("token8"), ["token8 + state"], "the same gradient and speed in less memory");
  assertEquals(winners("mesa8"), ["token8 + state", "token8"], "what is not beaten itself is the first");
  assertEquals(winners("exact"), [], "0.5% slower for certain is slower");
  assertEquals(winners("half"), [], "what is faster and smaller has a larger error");
  assertEquals(winners("exact + f16"), []);
  assertEquals(winners("exact + state + f16"), [], "faster than all that take less");
  const change = (name: string, changes: Partial<FakeCombination>) =>
    all.map((one) => one.name === name ? { ...one, ...changes } : one);
  assertEquals(winners("exact", change("exact + state", { time: 1 })), ["exact + state"]);
  const unsure = (most: number) => change("exact + state", { time: 1, scatter: [most, 1 / most, 1] });
  assertEquals(winners("exact", unsure(1.003)), ["exact + state"], "as fast as far as is known");
  assertEquals(winners("exact", unsure(1.02)), [], "nobody knows");
  assertEquals(
    winners("exact", change("exact + state", { time: 1, memory: 8 })),
    [],
    "equals do not beat each other",
  );
  assertEquals(winners("half", change("token8", { error: 0.0001 })), ["token8 + state", "token8"]);
  const near = change("exact + f16", { error: 4e-6, memory: 7.9 });
  assertEquals(winners("exact", near)[0], "exact + f16", "f32's own rounding is no error");
  const close = (error: number) => winners("mesa8", change("mesa8", { error }));
  assertEquals(close(0.0039).length, 2, "3% is no larger error");
  assertEquals(close(0.0037), [], "8% is");
  assertEquals(
    winners("mesa8", change("mesa8", { error: undefined })),
    [],
    "of an unknown error nothing follows",
  );
});

Deno.test("Nothing is beaten by the times of a software adapter", () => {
  const records = fakeCombinations(all);
  for (const record of records) record.environment = { ...record.environment, adapterClass: "software" };
  assert(frontierPoints(compare(records)[0]).every(({ beatenBy }) => beatenBy.length === 0));
  const text = answers(records, compare(records), fakeFrontier(all));
  assertStringIncludes(text, "Speeds tell nothing here");
  assertStringIncludes(text, "- with a gradient error of at most 0.01: `token8 + state`, 3 GiB.");
  assertFalse(text.includes("Beaten"));
});

Deno.test("stairs() climb in memory by what is faster for certain", () => {
  const names = stairs(frontierPoints(of(all))).map(({ name }) => name);
  assertEquals(names, ["token8 + state", "exact + state", "exact + state + f16", "exact + f16"]);
});

Deno.test("Among small gradient errors nothing is beaten by what has a larger one", () => {
  const near = [
    { name: "exact", policy: "exact", memory: 8, time: 1 },
    { name: "half", policy: "half", memory: 7, time: 1.19, error: 0.0002 },
    { name: "token8", policy: "token8", memory: 4, time: 1.2, error: 0.0099 },
    { name: "mesa8", policy: "mesa8", memory: 3.9, time: 1.1, error: 0.0102 },
  ];
  const text = frontierAnswers([of(near)], fakeFrontier(near))!;
  assertStringIncludes(text, "- with a gradient error of at most 0.01: from **4 GiB** `token8` (0.833×");
  assertStringIncludes(text, "- whatever its gradient error: from **3.9 GiB** `mesa8` (0.909×");
  assertStringIncludes(text, "1 is **beaten**");
});

Deno.test("answers() of a frontier name nothing that did not run", () => {
  const records = fakeCombinations(all).map((record) => ({
    ...record,
    ...{ status: "oom" as const, timing: null, quality: null },
  }));
  const text = frontierAnswers(compare(records), fakeFrontier(all))!;
  assertStringIncludes(text, "; 0 of them ran.");
  assertFalse(/fastest|[Ss]mallest/.test(text), text);
});

Deno.test("answers() of a frontier tell what is fastest in so much memory, and name what is beaten with its winner", () => {
  const records = fakeCombinations(all);
  const text = answers(records, compare(records), fakeFrontier(all));
  assertStringIncludes(
    text,
    "nano, 4 × 128: 8 combinations of a policy with choices of a step take, by plan, 3 GiB (`token8 + state`) to 8.5 GiB (`exact + f16`); 8 of them ran.",
  );
  assertStringIncludes(
    text,
    "Gradient errors are those at step 2 of training.\n\n" +
      "After 30 steps from 1 seed no validation loss lies more than 0.25% above `exact`'s.\n\n" +
      "The fastest in so much memory, and its speed as a multiple of `exact`'s:\n\n" +
      "- with a gradient error of at most 3e-5: from **7 GiB** `exact + state` (0.995×); from **8 GiB** `exact` (1.000×).\n" +
      "- with a gradient error of at most 0.01: from **3 GiB** `token8 + state` (0.981×, gradient error 0.00400); " +
      "from **7 GiB** `exact + state` (0.995×); from **7.5 GiB** `exact + state + f16` (1.667×, gradient error 0.000300); " +
      "from **8.5 GiB** `exact + f16` (2.000×, gradient error 0.000300).",
  );
  assertFalse(text.includes("whatever its gradient error"), "the same stairs are not told twice");
  assertStringIncludes(
    text,
    "not known to be slower, and by less than 1% at most, has no gradient error larger by more than 5%, and is better in one of the three.\n\n" +
      "- `token8 + state` beats `token8` and `mesa8`.\n\n" +
      "Beaten by none, and beating none: `half`, `exact + state`, `exact + state + f16`, `exact` and `exact + f16`.",
  );
  assertStringIncludes(text, "a combination has the figure of its policy and arithmetic alone");
});

Deno.test("What diverged beats nothing, and is no answer", () => {
  const records = fakeCombinations(all).map((record) =>
    record.configuration.policy === "token8 + state" ? { ...record, status: "diverged" as const } : record
  );
  const [comparison] = compare(records);
  const points = frontierPoints(comparison);
  assert(points.every(({ beatenBy }) => beatenBy.every(({ name }) => name !== "token8 + state")));
  const text = frontierAnswers([comparison], fakeFrontier(all))!;
  assertFalse(/from \*\*[^*]+\*\* `token8 \+ state`/.test(text), text);
  assertFalse(text.includes("`token8 + state` beats"), text);
  const behind = fakeFrontier(all, [{ ...rows[2], tokensPerSecond: 1, bytes: 5 * 2 ** 30 }]);
  const [{ beatenBy }] = peerPoints(comparison, points, behind);
  assertEquals(beatenBy.filter(({ name }) => name === "token8 + state"), []);
});

Deno.test("What diverged counts in every state of weights and moments, and in its own arithmetic alone", () => {
  const records = fakeCombinations(all).map((record) =>
    record.configuration.policy === "token8" ? { ...record, status: "diverged" as const } : record
  );
  const [comparison] = compare(records);
  const points = frontierPoints(comparison);
  const winners = new Set(points.flatMap(({ beatenBy }) => beatenBy.map(({ name }) => name)));
  assertFalse(winners.has("token8 + state"), "token8 + state beats nothing");
  assertEquals(points.filter(({ diverged }) => diverged).map(({ name }) => name), [
    "token8 + state",
    "token8",
  ]);
  const text = frontierAnswers([comparison], fakeFrontier(all))!;
  assertStringIncludes(
    text,
    "Training **diverged** under `token8`, and so 1 other combination of the same policies and arithmetics counts as no way to train.",
  );
  assertFalse(/from \*\*[^*]+\*\* `token8/.test(text), text);
  assertStringIncludes(text, "6 of them ran");
  const table = frontierSection([comparison], fakeFrontier(all))!;
  assertMatch(table, /token8 \+ state .* its policy diverged /);
  assertMatch(table, /token8 {2,}\|.*\| +diverged /);
});

Deno.test("A row of PyTorch's is beaten by what is faster than its fastest round", () => {
  const [comparison] = compare(fakeCombinations(all));
  const points = frontierPoints(comparison);
  const row = { ...rows[1], tokensPerSecond: 4000 };
  const beaten = (fastest: number) =>
    peerPoints(comparison, points, fakeFrontier(all, [{ ...row, fastest }]))[0].beatenBy.length;
  assertEquals([beaten(4000), beaten(50_000)], [5, 0], "weights and moments are in f32, as PyTorch's");
});

const peer = { model: "nano", sequence: 128, batch: 4 };
const rows = [
  { ...peer, name: "bf16 autocast, plain, compiled", tokensPerSecond: 50_000, bytes: 9 * 2 ** 30 },
  { ...peer, name: "f32, plain", tokensPerSecond: 4000, bytes: 20 * 2 ** 30 },
  { ...peer, name: "f32, int8", tokensPerSecond: 4000, bytes: 2 ** 31 },
  { ...peer, batch: 8, name: "f32, plain", tokensPerSecond: 4000, bytes: 2 ** 30 },
];

Deno.test("PyTorch's rows stand beside the cells of their model and size", () => {
  const records = fakeCombinations(all);
  const [comparison] = compare(records);
  const told = fakeFrontier(all, rows);
  const points = frontierPoints(comparison);
  const peers = peerPoints(comparison, points, told);
  assertEquals(peers.map(({ name, memory }) => [name, memory]), [
    ["f32, int8", 0.25],
    ["bf16 autocast, plain, compiled", 9 / 8],
    ["f32, plain", 2.5],
  ]);
  assertEquals(
    peers.map(({ speed }) => speed.toFixed(2)),
    ["0.79", "9.86", "0.79"],
    "of 512 tokens in 101 ms",
  );
  assertEquals(
    peers.map(({ beatenBy }) => beatenBy.length),
    [0, 0, 5],
    "one is smaller, one faster, and one neither",
  );
  const text = answers(records, [comparison], told);
  assertMatch(
    text,
    /Of PyTorch's 3 rows on this card the fastest is bf16 autocast, plain, compiled \(50,000 tokens\/s; 9\.86× of `exact`'s speed in 1\.13× of its buffers\)/,
  );
  assertStringIncludes(
    text,
    "No combination that ran is both larger and slower than one of them. Some combination is smaller, and faster than the fastest round, " +
      "than each of: f32, plain. Their gradients were not compared.",
  );
  assertStringIncludes(frontierSection([comparison], told)!, "| f32, plain ");
});

Deno.test("A row of PyTorch's beats what is larger and slower, in whatever state of weights and moments", () => {
  const [comparison] = compare(fakeCombinations(all));
  const told = (tokensPerSecond: number, gibibytes: number) =>
    frontierAnswers(
      [comparison],
      fakeFrontier(all, [{ ...rows[0], tokensPerSecond, bytes: gibibytes * 2 ** 30 }]),
    );
  assertStringIncludes(
    told(50_000, 4.2)!,
    "6 of the 8 combinations that ran are larger and slower than one of them; of those that no other combination beats, the others are `token8 + state`. No combination is smaller",
  );
  assertStringIncludes(
    told(50_000, 1)!,
    "8 of the 8 combinations that ran are larger and slower than one of them; of those that no other combination beats, all are.",
  );
  assertStringIncludes(told(1, 1)!, "No combination that ran is both larger and slower than one of them.");
});

Deno.test("Answers of a frontier name whose loss ended above exact's by more than the margin, the highest first", () => {
  const losses: Record<string, number | null> = {
    exact: 4,
    half: 4.02,
    token8: 4.4,
    mesa8: 4.009,
    "exact + f16": null,
  };
  const records = fakeCombinations(all).map((record) => ({
    ...record,
    quality: record.quality &&
      { ...record.quality, validationLoss: losses[record.configuration.policy] ?? null },
  }));
  assertStringIncludes(
    frontierAnswers(compare(records), fakeFrontier(all))!,
    "After 30 steps from 1 seed the validation loss lies more than 0.25% above `exact`'s under `token8` (10.0%) and `half` (0.5%).",
  );
});

Deno.test("frontierSection() has a row for each combination, and plannedTable() a place for each that was planned", () => {
  const records = fakeCombinations(all);
  const told = fakeFrontier(all);
  const lines = frontierSection(compare(records), told)!.split("\n").map((line) =>
    line.replaceAll(/ +/g, " ")
  );
  assertEquals(lines.length, 2 + all.length);
  assertStringIncludes(lines[4], "| 3 | mesa8 | 4.5 GiB | 0.56× | 0.909× (0.909–0.909) | 0.0100 | 1, 2 |");
  const { planned } = told.frontier!;
  const without = { ...planned[1], fits: false };
  const unbound = { ...planned[2], memory: null, seconds: null, fits: false };
  const frontier = { most: 40, planned: [planned[0], without, unbound, ...planned.slice(3)] };
  const table = plannedTable({ frontier })!.split("\n").map((line) => line.replaceAll(/ +/g, " "));
  assertStringIncludes(table[0], "| products | f32 / f32 | bf16 / 8bit |");
  assertEquals(table[2], "| nano | 4 × 128 | exact | after the step | f32 | 8 GiB | 7 GiB |");
  assertEquals(table[3], "| nano | 4 × 128 | half | after the step | f32 | 5 GiB (out of memory) | – |");
  assertEquals(table[4], "| nano | 4 × 128 | token8 | after the step | f32 | – | 3 GiB |");
  assertEquals(table.length, 2 + 5, "exact in f16 is a row of its own");
  assertEquals(plannedTable({}), null);
});

Deno.test("A report folds what is known by plan alone, and opens with the frontier in place of a line for each policy", () => {
  const records = fakeCombinations(all);
  const told = fakeFrontier(all);
  const many = Array.from(
    { length: 11 },
    (_, i) => ({ ...told.frontier!.planned[0], policy: `policy ${i}` }),
  );
  const frontier = { most: 40, planned: many };
  const run = { command: "deno task bench frontier", started: new Date(0), missing: 0, charts: [], frontier };
  const report = renderReport(records, run);
  assertStringIncludes(report, "<details><summary>11 rows</summary>");
  assertFalse(report.includes("Beside `exact`, over"));
  const titles = (told: Parameters<typeof sections>[1]) => sections(records, told).map(({ title }) => title);
  assertEquals(titles(told).slice(0, 2), ["Frontier", "Every combination by plan"]);
  assertFalse(titles({}).includes("Frontier"));
});

Deno.test("drawCharts() draws a frontier with every combination named, the beaten in grey, and PyTorch's rows", async () => {
  const chart = async (told: Parameters<typeof drawCharts>[1], some = all) =>
    (await drawCharts(fakeCombinations(some), told)).find(({ file }) => file === "frontier.svg")!.svg;
  const svg = await chart(fakeFrontier(all, rows));
  for (const text of ["1  token8 + state", "3  mesa8  (beaten by 1)", "8  exact + f16", "gradient error"]) {
    assertStringIncludes(svg, text);
  }
  assertStringIncludes(svg, "c  PyTorch: f32, plain  (beaten by 2)");
  assertMatch(svg, /#c8c8c8/);
  const own = await chart(fakeFrontier(all));
  assertFalse(own.includes("PyTorch"));
  assertMatch(own, /#c8c8c8/);
  assertFalse((await chart({})).includes("1  token8 + state"), "another sweep has its usual picture");
  const alone = all.filter(({ name }) => ["half", "exact + f16"].includes(name));
  assertFalse((await chart(fakeFrontier(alone), alone)).includes("#c8c8c8"), "where nothing is beaten");
});

Deno.test("drawCharts() draws frontiers of several sizes below each other, a policy alike in all", async () => {
  const records = fakeCombinations(all);
  const others = fakeCombinations(all.filter(({ policy }) => policy !== "token8")).map((record) => ({
    ...record,
    configuration: { ...record.configuration, batch: 8 },
  }));
  const { warn } = console;
  console.warn = (...words: unknown[]) => {
    throw new Error(words.join(" ")); // of scales that contradict each other
  };
  try {
    const charts = await drawCharts([...records, ...others], fakeFrontier(all));
    const { svg } = charts.find(({ file }) => file === "frontier.svg")!;
    for (const text of [">4 × 128<", ">8 × 128<"]) assertStringIncludes(svg, text);
  } finally {
    console.warn = warn;
  }
});
