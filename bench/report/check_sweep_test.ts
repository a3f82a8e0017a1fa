import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseSweep } from "../results/read_results.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeHeader, fakeQuality, fakeRecord } from "../results/testing.ts";
import { checkSweep } from "./check_sweep.ts";

/** Two policies, two rounds. */
const [a, b, a2, b2] = [0, 1].flatMap((round) =>
  ["exact", "half"].map((policy) => fakeRecord({ policy, round, qualitySteps: 2 }))
);
const records = [a, b, a2, b2];
const header = fakeHeader(records);

/** What is wrong with results of these lines. */
function faults(lines: readonly object[]): string[] {
  const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
  return checkSweep(parseSweep(text, "r")).filter(({ pass }) => !pass).map(({ text }) => text);
}

const changed = (record: CellRecord, changes: Partial<CellRecord>): CellRecord => ({ ...record, ...changes });

Deno.test("checkSweep() passes a whole sweep, also one in which a cell did not fit", () => {
  assertEquals(faults([header, ...records]), []);
  assertEquals(faults([header, a, changed(b, { status: "oom", timing: null, quality: null }), a2]), []);
  assertEquals(faults(records.map((record) => ({ ...record, schema: 2 }))), []);
});

Deno.test("checkSweep() tells how many processes were passed over, and after what", () => {
  const told = (header: object, records: readonly object[]) =>
    checkSweep(parseSweep([header, ...records].map((line) => JSON.stringify(line)).join("\n"), "r"))
      .find(({ text }) => text.includes("planned"));
  const one = changed(b, { status: "oom", timing: null, quality: null });
  assertEquals(told(header, [a, one, a2]), {
    pass: true,
    text: "3 of 4 planned processes; 1 passed over after a cell that did not fit",
  });
  const late = changed(a, { status: "timeout", timing: null, quality: null });
  assertEquals(
    told(header, [late, one])?.text,
    "2 of 4 planned processes; 1 passed over after a cell that timed out, 1 after a cell that did not fit",
  );
  const untrained = records.map((record) =>
    changed(record, { configuration: { ...record.configuration, qualitySteps: 0 }, quality: null })
  );
  const stopping = { precision: 0.005, fewestRounds: 6, maxSeconds: 4 };
  assertEquals(told(fakeHeader(untrained, { stopping }), untrained.slice(0, 2)), {
    pass: true,
    text: "2 of 4 planned processes; 2 passed over after a comparison had ended",
  });
});

Deno.test("checkSweep() finds each fault that was planted", () => {
  const turns = { ...header, interleaved: { run: crypto.randomUUID(), side: "new" } };
  const { environment, quality } = a;
  const environments = (changes: Partial<CellRecord["environment"]>) =>
    changed(b2, { environment: { ...environment, ...changes } });
  const cases: [lines: object[], fault: string][] = [
    [[header, a, b, a2], "nano 4 × 128 half, round 2 is missing: run it with --resume"],
    [[header, ...records, fakeRecord({ policy: "mesa8" })], "nano 4 × 128 mesa8, round 1 was not planned"],
    [[header, ...records, b], "nano 4 × 128 half, round 1 is recorded 2 times"],
    [[header, a, b, a2, changed(b2, { status: "error", message: "No" })], "half, round 2 failed: No"],
    [[header, a, b, a2, changed(b2, { status: "timeout", message: "Late" })], "half, round 2 failed: Late"],
    [
      [header, a, b, a2, changed(b2, { quality: fakeQuality(null) })],
      "half, round 2 has a loss that is no number",
    ],
    [
      [header, a, b, a2, changed(b2, { quality: { ...quality!, trainingLosses: [1] } })],
      "has 1 losses of 2 steps",
    ],
    [[header, a, b, a2, environments({ adapter: "Another" })], "2 adapters: Imaginary 9000, Another"],
    [[header, a, b, a2, environments({ commit: "beef" })], "2 commits: 0123456789abcdef, beef"],
    [
      [{ ...header, environment: { ...environment, adapter: "Header's" } }, ...records],
      "2 adapters: Header's, Imaginary 9000",
    ],
    [[header, a, b, a2, environments({ driver: null })], "2 drivers"],
    [[header, a, b, a2, environments({ runtime: "dawn" })], "2 runtimes: native, dawn"],
    [[header, a, b, a2, changed(b2, { data: { ...a.data, digest: "0" } })], "2 texts: cafe, 0"],
    [[header, ...records, { ...b, seconds: -1 }], "r:6: skipped, seconds:"],
    [[header], "there is no record: finish a cell with `--resume`"],
    [[turns], "there is no record: run its command again"],
    [[turns, a, b], "round 2 is missing: run the command again, for what runs by turns cannot be resumed"],
  ];
  for (const [lines, fault] of cases) assertStringIncludes(faults(lines).join("; "), fault);
});

Deno.test("checkSweep() finds parts of a rank that take longer than the step, but for what is computed beside a transfer", () => {
  type Times = NonNullable<CellRecord["ranks"]>[number]["exchanges"][number];
  const told = (
    parts: Partial<Times>,
    clock: "gpu" | "wall" = "gpu",
  ) => {
    const usual: Times = { count: 4, bytes: 2 ** 20, compute: 4, map: 3, transfer: 2, write: 1 };
    const rank = (exchanges: Times[]) => ({
      ...{ host: "a", adapter: "b", card: null, bufferBytes: 1, ledgerPeakBytes: 1, exchanges },
    });
    const timing = { clock, stepMilliseconds: [10, 10], setupMilliseconds: 500 };
    const record = fakeRecord({ ranks: 2, qualitySteps: 0, timedSteps: 2 }, {
      ...{ timing, quality: null },
      ranks: [rank([usual, usual]), rank([usual, { ...usual, ...parts }])],
    });
    return faults([fakeHeader([record]), record]);
  };
  assertEquals([told({}), told({ compute: 7 }), told({ transfer: 6 }), told({ compute: null })].flat(), []);
  const fault = (took: number) =>
    `nano 4 × 128 on 2 ranks exact, round 1 has parts of rank 1 that take ${took} ms of step 2, which took 10 ms`;
  assertEquals(told({ compute: 8 }), [fault(11)]);
  assertEquals(told({ transfer: 8 }), [fault(12)]);
  assertEquals(told({ map: 7 }), [fault(11)]);
  assertEquals(told({ map: 7 }, "wall"), []);
  assertEquals(told({ transfer: 30 }, "wall"), [
    fault(40).replace("step 2, which took 10", "its steps together, which took 20"),
  ]);
});

Deno.test("checkSweep() allows losses that are no numbers in a run that is marked as diverged", () => {
  assertEquals(
    faults([header, a, b, a2, changed(b2, { status: "diverged", quality: fakeQuality(null) })]),
    [],
  );
});

Deno.test("checkSweep() finds lengths that are not the longest by plan, and cells that took other bytes than theirs", () => {
  const { memory } = a;
  const of = (changes: object, most = memory!.bufferBytes) => {
    const one = {
      ...{ model: "nano", batch: 4, policy: "exact", sequence: 128, memory },
      limit: { of: "memory", wanted: most + 1, most },
      ...changes,
    };
    return faults([{ ...header, memory: most, longest: { unit: 64, found: [one] } }, ...records]);
  };
  assertEquals(of({}), []);
  assertEquals(of({ sequence: 0, memory: null }), []);
  assertEquals(of({ sequence: 96, memory }), ["nano 4 × 96 exact is no multiple of 64 tokens"]);
  const larger = { ...memory, bufferBytes: memory!.bufferBytes + 1 };
  assertEquals(of({ policy: "mesa8", memory: larger }), ["nano 4 × 128 mesa8 is not the longest that fits"]);
  assertEquals(of({ limit: { of: "buffer", wanted: 4, most: 4 } }), [
    "nano 4 × 128 exact is not the longest that fits",
  ]);
  const smaller = { ...memory, bufferBytes: memory!.bufferBytes - 1 };
  assertEquals(of({ memory: smaller }), [
    "nano 4 × 128 exact took other bytes than its length was found with",
  ]);
  for (const others of [{ moments: "bf16" }, { batch: 2 }, { model: "micro" }]) {
    assertEquals(of({ memory: smaller, ...others }), [], "no cell of its own");
  }
});

Deno.test("checkSweep() finds combinations that were not planned, took other bytes than theirs, or are too many", () => {
  const { memory } = a;
  const planned = ["exact", "half"].map((policy) => ({
    ...{ model: "nano", sequence: 128, batch: 4, name: policy, policy, memory, seconds: 1, fits: true },
  }));
  const of = (frontier: object, all: readonly object[] = records) =>
    faults([{ ...header, frontier: { most: 2, planned, ...frontier } }, ...all]);
  assertEquals(of({}), []);
  assertEquals(of({ most: 1 }), ["2 combinations of one size were measured, more than 1"]);
  assertEquals(of({ planned: planned.slice(0, 1) }), [
    [1, 2].map((round) => `nano 4 × 128 half, round ${round} is no combination that was planned`).join("; "),
  ]);
  const [first, second] = planned;
  for (const bytes of ["bufferBytes", "savedBytes", "livePeakBytes"] as const) {
    const larger = { ...second, memory: { ...memory, [bytes]: memory![bytes] + 1 } };
    assertEquals(of({ planned: [first, larger] }), [
      [1, 2].map((round) => `nano 4 × 128 half, round ${round} took other bytes than it was planned with`)
        .join("; "),
    ]);
  }
  const smaller = changed(b, { memory: { ...memory!, livePeakBytes: 1 } });
  assertStringIncludes(
    of({}, [a, smaller, a2, b2]).join(),
    "half, round 1 took other bytes than it was planned with",
    "not of the last round alone",
  );
});

Deno.test("checkSweep() finds rounds of a cell that took other bytes, whatever is measured beside their plan", () => {
  const { memory } = a;
  const of = (changes: Partial<NonNullable<typeof memory>>, round = b) =>
    faults([
      header,
      ...records.map((one) => one === round ? changed(round, { memory: { ...memory!, ...changes } }) : one),
    ]);
  const fault = ["nano 4 × 128 half, round 2 took other bytes than nano 4 × 128 half, round 1"];
  const { bufferBytes, savedBytes, livePeakBytes } = memory!;
  assertEquals(of({ bufferBytes: bufferBytes + 1 }), fault);
  assertEquals(of({ savedBytes: savedBytes - 1 }, b2), fault);
  const liveAtPeak = { ...memory!.liveAtPeak, saved: memory!.liveAtPeak.saved! - 1 };
  assertEquals(of({ livePeakBytes: livePeakBytes - 1, liveAtPeak }, b2), fault);
  assertEquals(of({ ledgerPeakBytes: null, driverBytes: 7 }), []);
  const trained = { seed: 2, qualitySteps: 0, schedule: null, learningRate: 1, gradientEvery: 0 };
  const other = fakeRecord({ ...b.configuration, ...trained, round: 2 }, {
    quality: null,
    memory: { ...memory!, bufferBytes: memory!.bufferBytes + 1 },
  });
  const all = [...records, other];
  assertEquals(faults([fakeHeader(all), ...all]), [
    "nano 4 × 128 half, round 3 took other bytes than nano 4 × 128 half, round 1",
  ]);
  const larger = fakeRecord({ policy: "half", batch: 8, qualitySteps: 2, round: 2 }, {
    memory: other.memory,
  });
  assertEquals(faults([fakeHeader([...records, larger]), ...records, larger]), [], "another cell");
});
