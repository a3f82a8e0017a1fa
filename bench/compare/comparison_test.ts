import { assertEquals, assertFalse, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { parseSweep } from "../results/read_results.ts";
import type { CellRecord } from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { fakeHeader, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
import { compareReports } from "./comparison.ts";
import { biggerIsBetter, compared, comparisonJson, smallerIsBetter } from "./forms.ts";
import { gate, type Limits } from "./gate.ts";
import { renderComparison } from "./render.ts";
import type { Report } from "../results/read_results.ts";

const options = { tolerance: 0.02, across: false };
const run = "5f2c9f6e-3f0e-4d57-9f0a-1c7f6c1a2b3d";

/** Five rounds of `exact` and `mesa8`, a step of which takes `factor` times as long as in the base, each changed as told. */
function rounds(factor = 1, change: (record: CellRecord) => CellRecord = (record) => record): CellRecord[] {
  return [0, 1, 2, 3, 4].flatMap((round) =>
    ["exact", "mesa8"].map((policy) => {
      const step = (10 + round + 0.01 * (round % 3)) * factor * (1 + 0.001 * (round % 2));
      const timing = { clock: "gpu" as const, stepMilliseconds: [step], setupMilliseconds: 1 };
      return change(fakeRecord({ policy, round, seed: 1 + round }, { timing, quality: fakeQuality(3) }));
    })
  );
}

function report(records: CellRecord[], folder: string, changes: Partial<SweepHeader> = {}): Report {
  const lines = [fakeHeader(records, changes), ...records].map((line) => JSON.stringify(line));
  return { folder, results: parseSweep(lines.join("\n")) };
}

/** The comparison of two sides that ran by turns. */
const byTurns = (own: CellRecord[], base = rounds()) =>
  compareReports(
    report(base, "base", { interleaved: { run, side: "base" } }),
    report(own, "new", { interleaved: { run, side: "new" } }),
    options,
  );

const verdicts = (own: CellRecord[]) =>
  byTurns(own).cells.map(({ policy, speed, memory, losses }) => [
    policy,
    speed?.verdict,
    memory?.verdict,
    losses?.verdict,
  ]);

const only = (policy: string, change: (record: CellRecord) => CellRecord) => (record: CellRecord) =>
  record.configuration.policy === policy ? change(record) : record;

const withMemory = (bytes: number) => (record: CellRecord): CellRecord => ({
  ...record,
  memory: { ...record.memory!, bufferBytes: record.memory!.bufferBytes + bytes },
});

Deno.test("compareReports() compares no cells in which memory was re-invested", () => {
  const grown = rounds(
    1,
    only("mesa8", (record) => ({
      ...record,
      configuration: { ...record.configuration, reinvested: { model: "nano", batch: 4, into: "batch" } },
    })),
  );
  assertEquals(verdicts([...rounds(), ...grown]).map(([policy]) => policy), ["exact", "mesa8"]);
  assertEquals(byTurns(grown, grown).cells.map(({ policy }) => policy), ["exact"]);
});

Deno.test("compareReports() finds nothing in two equal sides, and each planted difference", () => {
  assertEquals(verdicts(rounds()), [["exact", "same", "same", "same"], ["mesa8", "same", "same", "same"]]);
  assertEquals(verdicts(rounds(1.05)).map(([, speed]) => speed), ["slower", "slower"]);
  assertEquals(verdicts(rounds(0.9)).map(([, speed]) => speed), ["faster", "faster"]);
  assertEquals(verdicts(rounds(1, only("mesa8", withMemory(1)))).map(([, , memory]) => memory), [
    "same",
    "more",
  ]);
  assertEquals(verdicts(rounds(1, withMemory(-1))).map(([, , memory]) => memory), ["less", "less"]);
  const otherLoss = only(
    "exact",
    (record) => ({ ...record, quality: fakeQuality(3, { trainingLosses: [5, 4.000000001] }) }),
  );
  assertEquals(verdicts(rounds(1, otherLoss)).map(([, , , losses]) => losses), ["different", "same"]);
});

Deno.test("compareReports() keeps apart what one report has of several ranks, choices or kernels", () => {
  const mixed = (factors: readonly number[]) => {
    const cells: Partial<CellRecord["configuration"]>[] = [
      {},
      { ranks: 2 },
      { kernels: "other", policy: "exact-other-variants" },
      { moments: "bf16", policy: "exact-bf16", beside: {} },
    ];
    return cells.flatMap((changes, at) =>
      rounds(factors[at], (record) => ({ ...record, configuration: { ...record.configuration, ...changes } }))
        .filter((_, i) => i % 2 === 0) // all of `exact`
    );
  };
  const { cells } = byTurns(mixed([1, 2, 1, 1.5]), mixed([1, 1, 1, 1]));
  assertEquals(cells.map(({ policy, choices, speed }) => [policy, choices, speed!.verdict]), [
    ["exact", {}, "same"],
    ["exact", { ranks: 2 }, "slower"],
    ["exact-other-variants", {}, "same"],
    ["exact-bf16", {}, "slower"],
  ]);
  const text = renderComparison(byTurns(mixed([1, 2, 1, 1]), mixed([1, 1, 1, 1])), {
    exceeded: [],
    undecided: [],
  });
  assertStringIncludes(text, "`exact`, 2 ranks that share every sequence");
});

Deno.test("compareReports() counts no times of a process in company, as the report does not", () => {
  const crowded = (record: CellRecord): CellRecord => {
    const shared = record.configuration.round % 2 === 1;
    const [step] = record.timing!.stepMilliseconds;
    const timing = {
      ...record.timing!,
      stepMilliseconds: [shared ? 3 * step : step],
      reference: { arithmetic: shared ? 3 : 1 },
    };
    return { ...record, timing, environment: { ...record.environment, adapterClass: "gpu" } };
  };
  const alone = (record: CellRecord): CellRecord => ({
    ...crowded({ ...record, configuration: { ...record.configuration, round: 0 } }),
    configuration: record.configuration,
  });
  const { cells } = byTurns(rounds(1, crowded), rounds(1, alone));
  assertEquals(cells.map(({ speed }) => [speed!.ratio, speed!.rounds, speed!.verdict]), [
    [1, 3, "same"],
    [1, 3, "same"],
  ]);
});

Deno.test("compareReports() compares losses only where adapter, driver and kernel variants agree", () => {
  const variants = (record: CellRecord): CellRecord => ({
    ...record,
    program: { dispatchesPerStep: 100, kernelVariants: { product: "tiled" } },
    quality: fakeQuality(4),
  });
  assertEquals(byTurns(rounds(1, variants)).cells[0].losses, {
    verdict: "not compared",
    why: "other kernel variants",
  });
  assertEquals(
    byTurns(rounds(1, (record) => ({ ...record, quality: null }))).cells[0].losses?.verdict,
    "not compared",
  );
});

Deno.test("compareReports() pairs no rounds of two runs, and tells no interval without a reference", () => {
  const two = compareReports(report(rounds(), "a"), report(rounds(1.05), "b"), options);
  assertEquals(two.pairing, "none");
  assertEquals([two.cells[0].speed!.low, two.cells[0].speed!.verdict], [null, "unsure"]);
  const reference = (record: CellRecord): CellRecord => ({
    ...record,
    timing: { ...record.timing!, reference: { arithmetic: 2 } },
  });
  const steady = (factor: number) =>
    rounds(1, (record) => ({
      ...reference(record),
      timing: {
        ...reference(record).timing!,
        stepMilliseconds: [10 * factor + 0.01 * record.configuration.round],
      },
    }));
  const known = compareReports(report(steady(1), "a"), report(steady(1.05), "b"), options);
  assertEquals([known.pairing, known.cells[0].speed!.verdict, known.drift], ["reference", "slower", {
    arithmetic: 1,
  }]);
});

Deno.test("compareReports() refuses other adapters, drivers, runtimes, choices and versions, unless told, and reports that share nothing", () => {
  const environment = (changes: Partial<CellRecord["environment"]>) =>
    rounds(1, (record) => ({ ...record, environment: { ...record.environment, ...changes } }));
  const configuration = (changes: Partial<CellRecord["configuration"]>) =>
    rounds(1, (record) => ({ ...record, configuration: { ...record.configuration, ...changes } }));
  const refused: [Report, string][] = [
    [report(configuration({ accumulate: 4 }), "b"), "different numbers of micro-batches (1, 4)"],
    [report(configuration({ moments: "8bit" }), "b"), "different formats of moments (f32, 8bit)"],
    [report(configuration({ parameters: "f16" }), "b"), "different formats of weights (f32, f16)"],
    [report(configuration({ update: "backward" }), "b"), "different updates (step, backward)"],
    [report(configuration({ clipBy: "last" }), "b"), "different clippings (step, last)"],
    [report(environment({ adapter: "Another" }), "b"), "different adapters (Imaginary 9000, Another)"],
    [report(environment({ driver: "Imaginary 2" }), "b"), "different drivers (Imaginary 1.2, Imaginary 2)"],
    [report(environment({ runtime: "dawn" }), "b"), "different runtimes (native, dawn)"],
    [
      {
        folder: "b",
        results: parseSweep(rounds().map((r) => JSON.stringify({ ...r, schema: 2 })).join("\n")),
      },
      "different schema versions (3, 2)",
    ],
  ];
  for (const [other, sentence] of refused) {
    const error = assertThrows(() => compareReports(report(rounds(), "a"), other, options), UserError);
    assertStringIncludes(error.message, sentence);
    assertEquals(
      compareReports(report(rounds(), "a"), other, { ...options, across: true }).differences.length,
      1,
    );
  }
  const strangers = report([fakeRecord({ model: "micro" })], "b");
  assertThrows(() => compareReports(report(rounds(), "a"), strangers, options), UserError, "share no cell");
  assertThrows(() => compareReports(report([], "a"), strangers, options), UserError, "a holds no record");
});

Deno.test("gate() passes what is proved, fails what is disproved, and does not pass what is neither", () => {
  const found = (own: CellRecord[], limits: Limits) => {
    const { exceeded, undecided } = gate(byTurns(own), limits);
    return [exceeded.length, undecided.length];
  };
  const limits = { maxSlowdown: 0.03, maxMemory: 0.01 };
  assertEquals(found(rounds(), limits), [0, 0]);
  assertEquals(found(rounds(1.05), limits), [2, 0]);
  assertEquals(found(rounds(1.05), {}), [0, 0]);
  assertEquals(found(rounds(0.5), limits), [0, 0]);
  assertEquals(found(rounds(1, withMemory(1)), limits), [0, 0]);
  assertEquals(found(rounds(1, withMemory(1)), { maxMemory: 0 }), [2, 0]);
  const percent = fakeMeasurement().memory!.bufferBytes / 100;
  assertEquals(found(rounds(1, withMemory(Math.floor(percent))), limits), [0, 0]);
  assertEquals(found(rounds(1, withMemory(Math.ceil(percent))), limits), [2, 0]);
  const noisy = rounds(1, (record) => ({
    ...record,
    timing: { ...record.timing!, stepMilliseconds: [10 + 3 * (record.configuration.round % 2)] },
  }));
  assertEquals(found(noisy, limits), [0, 2]);
  assertEquals(found(rounds().filter(({ configuration }) => configuration.policy === "exact"), limits), [
    1,
    0,
  ]);
  const failing = only("mesa8", (record) => ({ ...record, status: "oom" as const, timing: null }));
  assertEquals(found(rounds(1, failing), limits), [1, 0]);
  const gone = byTurns(rounds(), rounds(1, failing));
  assertEquals(gate(gone, limits), { exceeded: [], undecided: [] });
});

Deno.test("gate() says in a sentence what is exceeded, and by how much", () => {
  const sentences = (own: CellRecord[], limits: Limits) => gate(byTurns(own), limits).exceeded;
  const exact = rounds().filter(({ configuration }) => configuration.policy === "exact");
  assertEquals(sentences(exact, { maxMemory: 0 }), ["nano 4 × 128 mesa8 ran, and now is missing"]);
  const failing = only("mesa8", (record) => ({ ...record, status: "oom" as const, timing: null }));
  assertEquals(sentences(rounds(1, failing), { maxMemory: 0 }), [
    "nano 4 × 128 mesa8 ran, and now ends as oom",
  ]);
  assertEquals(sentences(rounds(1, only("mesa8", withMemory(2 ** 20))), { maxMemory: 0.1 }), [
    "nano 4 × 128 mesa8 takes more: buffers +25.00%; at most 10.00% is allowed",
  ]);
});

Deno.test("compareReports() tells of different losses the seed and the first step, from 1, or the validation alone", () => {
  const first = (trainingLosses: number[], validationLoss = 3) =>
    byTurns(
      rounds(1, (record) => ({ ...record, quality: fakeQuality(validationLoss, { trainingLosses }) })),
      rounds(1, (record) => ({ ...record, quality: fakeQuality(3, { trainingLosses: [5, 4, 3] }) })),
    ).cells[0].losses;
  const different = { verdict: "different", seed: 1 } as const;
  assertEquals(first([6, 4, 3]), { ...different, step: 1 });
  assertEquals(first([5, 4, 2]), { ...different, step: 3 });
  assertEquals(first([5, 4, 3, 2]), { ...different, step: null });
  assertEquals(first([5, 4, 3], 3.5), { ...different, step: null });
  assertEquals(first([5, 4, 3]), { verdict: "same", runs: 5 });
});

Deno.test("compareReports() takes of two runs the works of the reference that every process timed", () => {
  const timed = (reference: Record<string, number>, of = (_: CellRecord) => true) =>
    rounds(1, (record) => of(record) ? { ...record, timing: { ...record.timing!, reference } } : record);
  const compared = (base: CellRecord[], own: CellRecord[]) =>
    compareReports(report(base, "a"), report(own, "b"), options);
  assertEquals(compared(timed({ a: 2, b: 3 }), timed({ b: 6, c: 1 })).drift, { b: 0.5 });
  const some = timed({ a: 2 }, ({ configuration }) => configuration.policy === "exact");
  assertEquals(compared(some, timed({ a: 2 })).pairing, "none");
});

Deno.test("renderComparison() tells each cell's interval and verdict, bytes that changed, and how the runs hang together", () => {
  const comparison = byTurns(rounds(1.05, only("mesa8", withMemory(4))));
  const text = renderComparison(comparison, gate(comparison, { maxSlowdown: 0.03 }));
  assertStringIncludes(
    text,
    "2 cells: 0 faster, 2 slower, 0 same, 0 unsure; memory changed in 1, losses in 0.",
  );
  assertStringIncludes(text, "| nano  | 4 × 128 | `exact` | 0.952× (0.952–0.952) |");
  assertStringIncludes(text, "| buffers | 4 MiB → 4 MiB | +4 B (+0.00%) |");
  assertStringIncludes(
    text,
    "nano 4 × 128 exact is slower: -4.76% to -4.76%; at most 3.00% slower is allowed",
  );
  assertStringIncludes(text, "by turns in one run");
});

Deno.test("Of fewer than three rounds the comparison and the gate say that they tell no interval", () => {
  const two = rounds().filter(({ configuration }) => configuration.round < 2);
  const comparison = compareReports(report(two, "a"), report(rounds(1.05), "b"), {
    ...options,
    across: true,
  });
  const found = gate(comparison, { maxSlowdown: 0.03 });
  const text = renderComparison(comparison, found);
  assertStringIncludes(text, "2 unsure; memory");
  assertStringIncludes(
    text,
    "Fewer than three rounds on a side tell no interval, so the speed of 2 cells is unsure.",
  );
  assertMatch(text, /\| `exact` \| 0\.\d{3}× \(no interval\) \| +2 \| \*\*unsure\*\*/);
  assertEquals(found.undecided[0].split(";"), [
    "nano 4 × 128 exact: fewer than three rounds on a side tell no interval of its speed",
    " at most 3.00% slower is allowed",
  ]);
  const whole = byTurns(rounds());
  assertFalse(renderComparison(whole, gate(whole, {})).includes("(no interval)"));
});

Deno.test("The forms of github-action-benchmark have a name, a unit and a number each; JSON has no cell's records", () => {
  const comparison = byTurns(rounds(1.05));
  const [bigger, smaller] = [biggerIsBetter(comparison), smallerIsBetter(comparison)];
  assertEquals(bigger.map(({ name, unit }) => [name, unit]), [
    ["nano 4 × 128 exact", "tokens/s"],
    ["nano 4 × 128 mesa8", "tokens/s"],
  ]);
  assertStringIncludes(bigger[0].extra!, "0.9524× of the base: slower");
  assertEquals(smaller.length, 6);
  assertEquals(smaller[2], {
    name: "nano 4 × 128 exact: buffers",
    unit: "bytes",
    value: fakeMeasurement().memory!.bufferBytes,
    range: "± 0",
    extra: "0 bytes more than the base",
  });
  const json = JSON.parse(JSON.stringify(comparisonJson(comparison, gate(comparison, {}))));
  assertEquals(compared.parse(json) as unknown, json, "the schema leaves something out");
  assertEquals([json.base.folder, json.new.folder, json.pairing], ["base", "new", "interleaved"]);
  assertEquals(Object.keys(json.cells[0]), [
    ...["model", "sequence", "batch", "policy", "choices", "speed", "memory", "losses", "endings"],
  ]);
});
