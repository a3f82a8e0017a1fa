import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CardState, CellRecord } from "../results/results.ts";
import { fakeRecord } from "../results/testing.ts";
import { compare } from "./cell_rounds.ts";
import { roundsSection } from "./rounds.ts";

const stopping = { precision: 0.005, fewestRounds: 6, maxSeconds: 300 };

const timed = (
  policy: string,
  round: number,
  step: number,
  changes: object = {},
  configuration: object = {},
) =>
  fakeRecord({ policy, round, qualitySteps: 0, ...configuration }, {
    timing: { clock: "gpu", stepMilliseconds: [step], setupMilliseconds: 1, ...changes },
  });

/** Policies whose ratio scatters by one part in a hundred to either side in every other round. */
const rounds = (count: number, scatter = 0.01) =>
  Array.from({ length: count }, (_, round) => [
    timed("exact", round, 10),
    timed("half", round, 10 * Math.exp(round % 2 ? scatter : -scatter)),
    timed("mesa8", round, 12 * Math.exp(round % 2 ? scatter / 2 : -scatter / 2)),
  ]).flat();

const section = (records: readonly CellRecord[], rule?: typeof stopping) =>
  roundsSection(compare(records), records, rule);

Deno.test("roundsSection() tells rounds, the widest interval and the time of each comparison, and what ended it", () => {
  const known = rounds(6, 0.0001).map((record) => ({
    ...record,
    configuration: { ...record.configuration, batch: 8 },
  }));
  const text = section([
    ...rounds(20),
    ...known,
    ...rounds(2).map((record) => ({
      ...record,
      seconds: 100,
      configuration: { ...record.configuration, batch: 16 },
    })),
  ], stopping)!;
  // 20 rounds: a deviation of 0.01 · √(20/19), 2.093 standard errors; 6: 0.0001 · √(6/5), 2.571.
  const rows = text.split("\n").slice(2, 5).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  assertEquals(rows, [
    ["nano", "4 × 128", "20", "±0.48%", "half", "2 min 0 s", "precision"],
    ["nano", "8 × 128", "6", "±0.01%", "half", "36 s", "precision"],
    ["nano", "16 × 128", "2", "none", "–", "10 min 0 s", "time"],
  ]);
  assertStringIncludes(
    text,
    "within ±0.5% of it, for at least 6 rounds, or until 5 min 0 s of timing were over",
  );
  assertStringIncludes(section(rounds(20, 0.02), stopping)!, "| neither");
  const alone = rounds(6).map((record) =>
    record.configuration.policy === "exact"
      ? { ...record, status: "oom" as const, timing: null, wantedBytes: 1 }
      : record
  );
  assertStringIncludes(section(alone, stopping)!, "| nothing to compare");
  const inCompany = rounds(6, 0.0001).map((record) => ({
    ...record,
    timing: { ...record.timing!, reference: { arithmetic: record.configuration.round < 2 ? 1 : 3 } },
  }));
  assertStringIncludes(section(inCompany, stopping)!, "| precision, by rounds that do not count here |");
});

Deno.test("roundsSection() says nothing of rounds too few for an interval, nor of a software adapter's", () => {
  assertEquals(section(rounds(2)), null);
  assert(!section(rounds(3))!.includes("ended by"));
  const software = structuredClone(rounds(3));
  for (const { environment } of software) environment.adapterClass = "software";
  assertEquals(section(software), null);
});

Deno.test("roundsSection() tells the card's state, and which times were taken again", () => {
  const card = (clockMegahertz: number, celsius: number): CardState => ({
    ...{ clockMegahertz, maxClockMegahertz: 1980, watts: 300.4, celsius, slowedBy: [] },
  });
  const records = rounds(3);
  assert(!section(records)!.includes("timed again"));
  const idle = { clock: "gpu", stepMilliseconds: [20], card: card(345, 40) };
  const [first, second, third, ...others] = records;
  const read = [
    timed("exact", 0, 10, { card: card(1980, 50), setAside: [idle] }),
    timed("half", 0, 10, { card: card(1755, 61) }),
    third,
    ...others,
  ];
  assertStringIncludes(
    section(read)!,
    "the driver told 1,755–1,980 of at most 1,980 MHz, 50–61 °C, 300 W. 1 process whose card was at an idle clock or throttled, or whose steps " +
      "were held up, was timed again, at most 2 times; the last times are all steady.",
  );
  const left = [
    first,
    second,
    third,
    ...others,
    timed("half", 3, 10, { card: card(345, 40), setAside: [idle, idle] }),
  ];
  assertStringIncludes(
    section(left)!,
    "again, at most 2 times. Of 1 process whose card was at an idle clock or throttled, or whose steps were held up, such times are all there are",
  );
});

Deno.test("roundsSection() asks for nothing again of times that do not count anyway", () => {
  const idle: CardState = {
    ...{ clockMegahertz: 345, maxClockMegahertz: 1980, watts: 90, celsius: 40, slowedBy: [] },
  };
  const records = rounds(4).map((record) => {
    const isLast = record.configuration.policy === "half" && record.configuration.round === 3;
    const timing = { ...record.timing!, reference: { arithmetic: isLast ? 3 : 1 } };
    return { ...record, timing: isLast ? { ...timing, card: idle } : timing };
  });
  assert(!section(records)!.includes("such times are all there are"));
});

Deno.test("roundsSection() tells drift by the first cell, which stays out of all other figures", () => {
  const last = timed("exact", 3, 10.25, {}, { again: true });
  const [text, without] = [section([...rounds(3), last])!, section(rounds(3))!];
  assertStringIncludes(
    text,
    "a step of the first cell (nano, 4 × 128, exact) took 10.3 ms, in its rounds 10 ms: a drift of +2.50%.",
  );
  assertEquals(text.split("\n\n")[0], without.split("\n\n")[0]);
  const [{ cells }] = compare([...rounds(3), last]);
  assertEquals(cells.get("exact")!.records.length, 3);
});
