import { assertEquals, assertStringIncludes } from "@std/assert";
import { invested, recordsAt } from "./reinvested.ts";
import { reinvestedRuns } from "./reinvested_failures.ts";
import { affordable, reinvestmentAnswer, reinvestmentSection } from "./reinvestment.ts";
import {
  type Arm,
  arms,
  exact as exactArm,
  failing,
  found,
  learnt,
  records,
  recordsOf,
  rowsUnder,
  told,
} from "./reinvestment_testing.ts";
import type { CellRecord } from "../results/results.ts";

Deno.test("recordsAt() tells budgets of several lengths apart", () => {
  const longer = { ...records[0], configuration: { ...records[0].configuration, sequence: 256 } };
  assertEquals(recordsAt(found, [...records, longer]), records);
});

const of2 = (...some: Arm[]) => some.flatMap(recordsOf).map(learnt);
Deno.test("What diverged counts among the ways that a verdict is tested beside", () => {
  const a = 0.0357; // of 3 seeds t = −4.85: p = 0.040, above 5% / 2
  const deep = { ...arms[4], losses: [2.9 - a, 3, 2.95 + a] };
  const verdicts = (...some: Arm[]) =>
    invested(of2(exactArm, ...some), [found])[0].arms.map(({ outcomes }) => outcomes.tokens!.verdict);
  assertEquals(verdicts(deep), ["lower"]);
  assertEquals(verdicts({ ...arms[2], losses: [null, 3, 3] }, deep), ["diverged", undefined]);
});

const timedLater = (some: readonly CellRecord[]) =>
  some.map((record): CellRecord => ({
    ...record,
    configuration: {
      ...record.configuration,
      round: record.configuration.round + 3,
      seed: 1,
      qualitySteps: 0,
    },
    quality: null,
  }));

Deno.test("A re-invested run of which later rounds only time is told by what was equal", () => {
  const own = of2(arms[4]);
  assertEquals(reinvestedRuns([...own, ...timedLater(own)]).map(({ cells }) => [...cells.keys()]), [[
    "mesa8, in equal tokens",
  ]]);
});

Deno.test("affordable() tells a size of one", () => {
  const one = { ...found.found[0], size: 1, next: { size: 2, wantedBytes: null } };
  assertStringIncludes(affordable([{ ...found, found: [one] }]), "**1**: 9 MiB");
});

Deno.test("exact's loss is the mean of the rounds that trained, beside their steps", () => {
  const own = of2(exactArm, ...arms);
  const lines = rowsUnder(
    reinvestmentSection(told, [...own, ...timedLater(of2(exactArm))])!,
    /^\| model, step .*learning rate/,
  );
  assertEquals(lines[0].slice(3), ["0.00100", "100", "1", "3.0500 nats", "100", "1", "3.0500 nats"]);
});

Deno.test("reinvestmentAnswer() tells the speed of what came to no end in some rounds alone", () => {
  const untrained = of2(exactArm, arms[4]).map((record): CellRecord => ({
    ...record,
    quality: null,
    configuration: { ...record.configuration, qualitySteps: 0 },
  })).map((record) =>
    record.configuration.reinvested && record.configuration.round === 2 ? failing(record) : record
  );
  assertStringIncludes(reinvestmentAnswer(told, untrained)!, "`mesa8` takes 3 layers at 0.50× (no interval)");
});

Deno.test("reinvestmentSection() tells the training runs of what was trained, beside a model that was only timed", () => {
  const micro = recordsOf(exactArm).map(learnt).map((record): CellRecord => ({
    ...record,
    quality: null,
    configuration: { ...record.configuration, model: "micro", qualitySteps: 0 },
  }));
  const both = { reinvest: [found, { ...found, model: "micro" }] };
  assertStringIncludes(reinvestmentSection(both, [...records, ...micro])!, "after 3 training runs of each");
});

Deno.test("reinvestmentAnswer() names the lowest of several lower losses", () => {
  const wide: Arm = {
    ...arms[4],
    losses: [2.6, 2.7, 2.651],
    reinvested: { model: "nano", batch: 4, into: "width" },
  };
  for (const some of [[arms[4], wide], [wide, arms[4]]]) {
    assertStringIncludes(
      reinvestmentAnswer(told, of2(exactArm, ...some))!,
      "the lowest of those is `mesa8` with 128 wide",
    );
  }
});
