import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { compare } from "./cell_rounds.ts";
import { checkReinvested } from "./check_reinvested.ts";
import { checkSweep } from "./check_sweep.ts";
import { checkPeers } from "./check_peers.ts";
import { readPeers } from "./peer_records.ts";
import { peersHeader, peersText, peerTurn } from "./peers_testing.ts";
import { gradientSection } from "./gradient_tables.ts";
import type { CellConfiguration, CellRecord } from "../results/results.ts";
import type { Reinvestment } from "../results/run_header.ts";
import { fakeErrors, fakeHeader, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
import { parseSweep } from "../results/read_results.ts";

const bytes = fakeMeasurement().memory!.bufferBytes;
const entry = (policy: string, into: "batch" | "depth" | "width", size: number) => ({
  policy,
  into,
  size,
  bufferBytes: bytes,
  next: { size: size + 1, wantedBytes: null },
});

const plan: Reinvestment = {
  model: "nano",
  sequence: 128,
  batch: 4,
  budgetBytes: bytes,
  found: [entry("half", "batch", 9), entry("mesa8", "batch", 16), entry("mesa8", "width", 256)],
};
const faults = (one: Reinvestment, some: readonly CellRecord[]) => {
  const { pass, text } = checkReinvested([one], some);
  return pass ? [] : text.split("; ");
};
const own = (
  configuration: Partial<CellConfiguration>,
  { width = 128, bufferBytes = bytes } = {},
): CellRecord => {
  const record = fakeRecord(configuration);
  return {
    ...record,
    architecture: { ...record.architecture, width } as CellRecord["architecture"],
    memory: { ...record.memory!, bufferBytes },
  };
};
const base = { model: "nano", batch: 4 };
const grown = (policy: string, batch: number, qualitySteps = 0) =>
  own({
    policy,
    batch,
    qualitySteps,
    learningRate: 0.001 * Math.sqrt(batch / 4),
    reinvested: { ...base, into: "batch" },
  });

Deno.test("checkReinvested() finds other bytes of exact's in any round", () => {
  assertEquals(faults(plan, [own({}), own({ round: 1 }, { bufferBytes: 1 })]), [
    "nano 4 × 128 exact took other bytes than the budget",
  ]);
});

Deno.test("checkReinvested() holds each policy to the size that was found for itself", () => {
  assertEquals(faults(plan, [own({}), grown("half", 9), grown("mesa8", 16)]), []);
  assertEquals(faults(plan, [own({}), grown("mesa8", 9)]), [
    "nano 9 × 128 mesa8 is not of the batch that was found",
  ]);
});

Deno.test("checkReinvested() holds a wider model to the rule's learning rate", () => {
  const wide = (learningRate: number) =>
    own({
      policy: "mesa8",
      model: "nano-256-wide",
      qualitySteps: 0,
      learningRate,
      reinvested: { ...base, into: "width" },
    }, { width: 256 });
  assertEquals(faults(plan, [own({}), wide(0.0005)]), []);
  assertEquals(faults(plan, [own({}), wide(0.001)]), [
    "nano-256-wide 4 × 128 mesa8 has another learning rate than the rule's",
  ]);
});

Deno.test("checkReinvested() finds what was re-invested and is no size that was found", () => {
  assertEquals(faults(plan, [own({}), grown("token8", 9)]), [
    "nano 9 × 128 token8 is not of the batch that was found",
  ]);
});

Deno.test("checkReinvested() goes by the steps of a round that trained, where the first was only timed", () => {
  assertEquals(faults(plan, [own({ round: 1, qualitySteps: 0 }), own({}), grown("half", 9, 13)]), []);
});

function sweepFaults(some: CellRecord[], header: object = {}): string[] {
  const text = [{ ...fakeHeader(some), ...header }, ...some].map((line) => JSON.stringify(line)).join("\n");
  return checkSweep(parseSweep(text)).filter(({ pass }) => !pass).map(({ text }) => text);
}
const timed = (
  configuration: Partial<CellConfiguration> = {},
  more = 0,
  changes: Partial<CellRecord> = {},
): CellRecord => {
  const record = fakeRecord({ qualitySteps: 0, ...configuration }, { quality: null });
  const memory = { ...record.memory!, savedBytes: record.memory!.savedBytes - more };
  return { ...record, memory, ...changes };
};
Deno.test("checkSweep() finds one byte of buffers fewer at once than by plan", () => {
  const record = timed();
  const at = (less: number) =>
    sweepFaults([{
      ...record,
      memory: { ...record.memory!, ledgerPeakBytes: record.memory!.bufferBytes - less },
    }]);
  assertEquals(at(0), []);
  assertEquals(at(1), ["nano 4 × 128 exact, round 1 had fewer bytes of buffers at once than by plan"]);
});

Deno.test("checkSweep() compares the bytes of rounds that ran alone", () => {
  assertEquals(sweepFaults([timed(), timed({ round: 1 }, 8, { status: "oom", timing: null })]), []);
});

Deno.test("checkSweep() finds other bytes of a re-invested run in equal time than of that in equal tokens", () => {
  const of = (pace: object, more = 0) =>
    timed({ policy: "mesa8", reinvested: { ...base, into: "depth", ...pace } }, more);
  const inTime = { pace: { exact: 10, own: 20 } };
  assertEquals(sweepFaults([of({}), of(inTime)]), []);
  assertEquals(sweepFaults([of({}), of(inTime, 8)]).length, 1);
});

Deno.test("checkSweep() holds a combination to the plan of its own size, but where its kernels were tuned", () => {
  const { memory } = timed();
  const planned = [4, 8].map((batch) => ({
    ...{ model: "nano", sequence: 128, batch, name: "exact", policy: "exact", seconds: 1, fits: true },
    memory: { ...memory!, savedBytes: memory!.savedBytes - batch },
  }));
  const frontier = { frontier: { most: 2, planned } };
  assertEquals(sweepFaults([timed({}, 4), timed({ batch: 8 }, 8)], frontier), []);
  assertEquals(sweepFaults([timed({ variants: { product: "x" } }, 16)], frontier), []);
});

Deno.test("checkSweep() compares validation targets of one batch of exact's, and of one set of data", () => {
  const trained = (
    changes: Partial<CellConfiguration>,
    validationTargets: number,
    digest = "cafe",
  ): CellRecord => {
    const record = fakeRecord({ qualitySteps: 2, ...changes }, {
      quality: fakeQuality(3, { validationTargets }),
    });
    return { ...record, data: { ...record.data, digest } };
  };
  const grown = (batch: number) => ({
    policy: "mesa8",
    batch: 16,
    reinvested: { model: "nano", batch, into: "batch" as const },
  });
  assertEquals(sweepFaults([trained(grown(4), 4096), trained(grown(8), 4000)]), []);
  const [a, b] = [trained({}, 4096), trained({ policy: "half" }, 4000, "beef")];
  assertFalse(sweepFaults([a, b], { data: [a.data, b.data] }).some((text) => text.includes("validated on")));
});

Deno.test("checkPeers() finds a first loss that is no number", () => {
  const turns = [0, 1].map((round) => peerTurn({ round, firstLoss: null }));
  assertEquals(checkPeers(readPeers(peersText(turns, peersHeader))).filter(({ pass }) => !pass).length, 1);
});

Deno.test("gradientSection() calls nothing measurable at p = 0.08", () => {
  const run = (policy: string, seed: number, error: number) =>
    fakeRecord({ policy, seed, round: seed - 1 }, {
      quality: fakeQuality(3, { gradientErrors: [fakeErrors(10, error)] }),
    });
  // Logarithms of the ratio 0.7 and 0.9: t = 0.8 / 0.1 = 8 with 1 degree of freedom, p = 0.079.
  const section = gradientSection(
    compare([
      fakeRecord(),
      run("mesa8", 1, 0.01),
      run("mesa8", 2, 0.01),
      run("mesa2", 1, 0.01 * Math.exp(0.7)),
      run("mesa2", 2, 0.01 * Math.exp(0.9)),
    ]),
  )!;
  assertStringIncludes(section, "not measurably worse");
  assertStringIncludes(section, "p = 0.079");
});
