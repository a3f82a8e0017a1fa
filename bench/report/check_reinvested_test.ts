import { assertEquals } from "@std/assert";
import type { CellConfiguration, CellRecord } from "../results/results.ts";
import type { Reinvestment } from "../results/run_header.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { checkReinvested } from "./check_reinvested.ts";

const bytes = fakeMeasurement().memory!.bufferBytes;
const found: Reinvestment["found"] = [
  {
    policy: "half",
    into: "batch",
    size: 9,
    bufferBytes: bytes - 1,
    next: { size: 10, wantedBytes: bytes + 1 },
  },
  { policy: "half", into: "depth", size: 3, bufferBytes: bytes, next: { size: 4, wantedBytes: null } },
  { policy: "half", into: "width", size: 0, bufferBytes: null, next: { size: 32, wantedBytes: bytes + 9 } },
];
const plan: Reinvestment = { model: "nano", sequence: 128, batch: 4, budgetBytes: bytes, found };
const [batch, depth, width] = found;

function record(
  configuration: Partial<CellConfiguration>,
  { layers = 2, bufferBytes = bytes } = {},
): CellRecord {
  const record = fakeRecord({ policy: "half", ...configuration });
  const architecture = { ...record.architecture, layers } as CellRecord["architecture"];
  return { ...record, architecture, memory: { ...record.memory!, bufferBytes } };
}

const base = { model: "nano", batch: 4 };
const learningRate = 0.0015;
const exact = record({ policy: "exact" });
/** 30 steps of 4 are 13 of 9, and at 1.5 times the milliseconds 20 take as long. */
const larger = { batch: 9, qualitySteps: 13, learningRate, reinvested: { ...base, into: "batch" } } as const;
const deeper = { model: "nano-3-layers", reinvested: { ...base, into: "depth" } } as const;
const pace = { exact: 10, own: 15 };
const timed = { ...deeper, qualitySteps: 20, reinvested: { ...deeper.reinvested, pace } };
const grown = (changes: Partial<CellConfiguration> = {}, size = {}) =>
  record({ ...larger, ...changes }, { bufferBytes: bytes - 1, ...size });
const good = [exact, record({}), grown(), record(deeper, { layers: 3 }), record(timed, { layers: 3 })];

const faults = (one: Reinvestment, records: readonly CellRecord[]) => {
  const { pass, text } = checkReinvested([one], records);
  return pass ? [] : text.split("; ");
};

Deno.test("checkReinvested() passes sizes within exact's memory that ran as they were found, and plans of which nothing ran", () => {
  assertEquals(faults(plan, good), []);
  assertEquals(faults(plan, []), []);
  assertEquals(faults(plan, [exact, grown({ qualitySteps: 0 })]), [], "a later round only times");
  assertEquals(faults(plan, [exact, grown({ variants: { product: "x" } }, { bufferBytes: 1 })]), [], "tuned");
});

Deno.test("checkReinvested() finds each fault of a plan", () => {
  const notLargest = (into: string) => [`nano 4 × 128 half: its ${into} is not the largest that fits`];
  const of = (...found: Reinvestment["found"]) => faults({ ...plan, found }, []);
  assertEquals(of({ ...batch, bufferBytes: bytes + 1 }), notLargest("batch"));
  assertEquals(of({ ...batch, next: { size: 10, wantedBytes: bytes } }), notLargest("batch"));
  assertEquals(of({ ...depth, next: { size: 3, wantedBytes: null } }), notLargest("depth"));
  assertEquals(of({ ...depth, bufferBytes: null }), notLargest("depth"));
  assertEquals(of({ ...width, bufferBytes: 1 }), notLargest("width"));
});

Deno.test("checkReinvested() finds each fault of what ran", () => {
  const cases: [records: CellRecord[], fault: string][] = [
    [
      [record({ policy: "exact" }, { bufferBytes: 1 })],
      "nano 4 × 128 exact took other bytes than the budget",
    ],
    [
      [exact, grown({}, { bufferBytes: bytes })],
      "nano 9 × 128 half took other bytes than its batch was found with",
    ],
    [
      [exact, grown({ batch: 16, learningRate: 0.002, qualitySteps: 8 })],
      "nano 16 × 128 half is not of the batch that was found",
    ],
    [[exact, record(deeper, { layers: 4 })], "nano-3-layers 4 × 128 half is not of the depth that was found"],
    [[exact, grown({ learningRate: 0.001 })], "nano 9 × 128 half has another learning rate than the rule's"],
    [
      [exact, grown({ qualitySteps: 30 })],
      "nano 9 × 128 half trained 30 steps, where 13 take `exact`'s tokens",
    ],
    [
      [exact, record({ ...timed, qualitySteps: 30 }, { layers: 3 })],
      "nano-3-layers 4 × 128 half trained 30 steps, where 20 take `exact`'s time",
    ],
  ];
  for (const [records, fault] of cases) assertEquals(faults(plan, records), [fault]);
});
