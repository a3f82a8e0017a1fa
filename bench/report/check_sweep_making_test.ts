import { assertEquals } from "@std/assert";
import { parseSweep } from "../results/read_results.ts";
import type { CellRecord } from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { checkSweep } from "./check_sweep.ts";

const [a, b] = ["exact", "half"].map((policy) => fakeRecord({ policy, qualitySteps: 2 }));
const header = fakeHeader([a, b]);

/** What is wrong with results of these records. */
function faults(records: readonly CellRecord[], changes: Partial<SweepHeader> = {}): string[] {
  const lines = [
    { ...header, ...changes, cells: records.map(({ configuration }) => configuration) },
    ...records,
  ];
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  return checkSweep(parseSweep(text)).filter(({ pass }) => !pass).map(({ text }) => text);
}

const elsewhere = (record: CellRecord, changes: Partial<CellRecord["environment"]>): CellRecord => ({
  ...record,
  environment: { ...record.environment, ...changes },
});

Deno.test("checkSweep() finds records of another version of Deno, class of adapter, or state of the checkout", () => {
  assertEquals(faults([a, b]), []);
  const of = (changes: Partial<CellRecord["environment"]>) => faults([a, elsewhere(b, changes)]);
  assertEquals(of({ deno: "3.0.0" }), ["2 versions of Deno: 2.9.6, 3.0.0"]);
  assertEquals(of({ adapterClass: "software" }), ["2 classes of adapters: gpu, software"]);
  assertEquals(of({ dirty: false }), ["2 states of the checkout: changed, clean"]);
  assertEquals(of({ dirty: null }), ["2 states of the checkout: changed, not told"]);
  const { environment } = header;
  assertEquals(faults([a, b], { environment: { ...environment, dirty: false } }), [
    "2 states of the checkout: clean, changed",
  ]);
});

Deno.test("checkSweep() finds a comparison of two systems or processors, and lets those of merged shards have their own", () => {
  const other = { cpu: "Slide rule" };
  assertEquals(faults([a, elsewhere(b, other)]), ["2 processors: Abacus, Slide rule"]);
  assertEquals(faults([a, elsewhere(b, { os: "plan9" })]), ["2 systems: linux, plan9"]);
  const larger = elsewhere(fakeRecord({ batch: 8, qualitySteps: 2 }), other);
  assertEquals(faults([a, b, larger]), []);
  assertEquals(faults([a, b], { shard: { index: 1, of: 1 } }), []);
  assertEquals(faults([a, b, larger], { shard: { index: 1, of: 1 } }), ["2 processors: Abacus, Slide rule"]);
});

Deno.test("checkSweep() finds baselines that differ, of the same data", () => {
  const baseline = { rule: "bigram", loss: 2.5 } as const;
  const withBaseline = (record: CellRecord, loss = 2.5): CellRecord => ({
    ...record,
    data: { ...record.data, baseline: { ...baseline, loss } },
  });
  const data = [{ ...a.data, baseline }];
  assertEquals(faults([a, b].map((record) => withBaseline(record)), { data }), []);
  assertEquals(faults([withBaseline(a), withBaseline(b, 9)], { data }), [
    "2 baselines of some text: bigram 2.5, bigram 9",
  ]);
  assertEquals(faults([a, b], { data }), ["2 baselines of some text: bigram 2.5, none"]);
});

Deno.test("checkSweep() finds a process that began before its sweep", () => {
  const started = "2026-11-22T01:02:02.999Z";
  assertEquals(faults([a, { ...b, started }]), [
    `nano 4 × 128 half, round 1 began at ${started}, before the sweep`,
  ]);
});

Deno.test("checkSweep() finds that a header is missing which this version would have written", () => {
  const text = [a, b].map((line) => JSON.stringify(line)).join("\n");
  const told = checkSweep(parseSweep(text)).filter(({ pass }) => !pass).map(({ text }) => text);
  assertEquals(told, [
    "what was planned is not told (the first line is a record): take the first line from a copy of the folder, or run its command again",
  ]);
});
