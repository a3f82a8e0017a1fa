import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { CellRecord } from "../results/results.ts";
import { equals, invested, isTrained, recordsAt, tallyOf } from "./reinvested.ts";
import { type Arm, arms, exact, found, learnt, records, recordsOf } from "./reinvestment_testing.ts";

const of = (...some: Arm[]) => some.flatMap(recordsOf).map(learnt);
const armsOf = (records: readonly CellRecord[]) => invested(records, [found])[0].arms;
const [, , , , , deepInTime] = arms;

Deno.test("isTrained() holds of what has a loss, from one seed too, or was to have one", () => {
  const trained = (changes: (record: CellRecord) => Partial<CellRecord>, rounds = 3) =>
    isTrained(
      armsOf(
        of(exact, arms[4]).filter(({ configuration }) => configuration.round < rounds).map((record) =>
          record.configuration.policy === "exact" ? record : { ...record, ...changes(record) }
        ),
      )[0],
    );
  const untrained = ({ configuration }: CellRecord) => ({
    configuration: { ...configuration, qualitySteps: 0 },
    quality: null,
  });
  assertEquals([trained(() => ({})), trained(() => ({}), 1)], [true, true]);
  assertEquals([trained(() => ({ quality: null })), trained(untrained)], [true, false]);
  assertEquals(trained((record) => ({ ...untrained(record), quality: record.quality })), true);
  assertEquals(trained((record) => ({ ...untrained(record), status: "timeout", timing: null })), false);
  const inTime = of(exact, deepInTime).map((record) =>
    record.configuration.policy === "exact" ? record : { ...record, quality: null }
  );
  assertEquals(isTrained(armsOf(inTime)[0]), true);
});

Deno.test("Of a single seed there is a difference without an interval, and none where a loss is no number", () => {
  const losses = (own: number | null, base: number | null) =>
    armsOf(
      of({ ...exact, losses: [base, 3, 3] }, { ...arms[4], losses: [own, 3, 3] })
        .filter(({ configuration }) => configuration.round === 0),
    )[0].outcomes.tokens!.losses;
  const one = { seeds: 1, difference: null, lost: 0 };
  assertEquals(losses(2.5, 3), { ...one, differences: [-0.5], loss: 3 });
  assertEquals(losses(null, 3), { ...one, differences: null, loss: 3, lost: 1 });
  assertEquals(losses(2.5, null), { ...one, differences: null, loss: null });
  assertEquals(losses(null, null), { ...one, differences: null, loss: null });
});

Deno.test("recordsAt() has all sizes at a budget, but not what ran once more for drift", () => {
  const again = { ...records[0], configuration: { ...records[0].configuration, again: true as const } };
  const other = { ...records[0], configuration: { ...records[0].configuration, batch: 8 } };
  assertEquals(recordsAt(found, [...records, again, other]), records);
  const slow = { ...again, timing: { ...again.timing!, stepMilliseconds: [1000] } };
  assertEquals(invested([...records, slow], [found]), invested(records, [found]));
});

Deno.test("What was not timed has no share of exact's time, is not called lower in equal time, and counts as apart", () => {
  const untimed = (losses: number[]) =>
    of(exact, { ...deepInTime, losses }).map((record) =>
      record.configuration.policy === "exact" ? record : { ...record, timing: null }
    );
  const better = armsOf(untimed([2.9, 3.001, 2.95]));
  assertEquals([better[0].outcomes.time!.time, better[0].outcomes.time!.verdict], [null, undefined]);
  assertEquals(armsOf(untimed([3.1, 3.201, 3.15]))[0].outcomes.time!.verdict, undefined);
  assertEquals(tallyOf(better, "time").apart, 1);
});

Deno.test("tallyOf() counts as apart what took more of what ought to be equal, and what took less", () => {
  const apart = (milliseconds: number) =>
    tallyOf(armsOf(of(exact, { ...deepInTime, milliseconds })), "time").apart;
  assertEquals([19.5, 19.7, 20.3, 20.5].map(apart), [1, 0, 0, 1]);
});

Deno.test("The time of a run is by the rounds of equal tokens, of which more are timed", () => {
  const [arm] = armsOf(of(exact, arms[4], { ...deepInTime, milliseconds: 40 }));
  assertAlmostEquals(arm.speed!.ratio, 0.5, 1e-12);
  assertAlmostEquals(arm.outcomes.time!.time!, 1, 1e-12);
});

Deno.test("Speeds leave out the rounds in which exact, or an arm, shared its card", () => {
  const crowdedAt = (policy: string) =>
    of(exact, arms[4]).map((record): CellRecord => {
      const isCrowded = record.configuration.policy === policy && record.configuration.round === 1;
      const timing = { ...record.timing!, reference: { product: isCrowded ? 5 : 1 } };
      if (isCrowded) timing.stepMilliseconds = timing.stepMilliseconds.map((step) => 7 * step);
      return { ...record, timing };
    });
  for (const policy of ["exact", "mesa8"]) {
    const [{ speed }] = armsOf(crowdedAt(policy));
    assertEquals(speed!.rounds, 2, policy);
    assertAlmostEquals(speed!.ratio, 0.5, 1e-12);
  }
});

Deno.test("The steps of shards that timed each for itself are their mean", () => {
  const shards = of(exact, arms[4], deepInTime).map((record) => {
    const { configuration } = record;
    const { reinvested, round } = configuration;
    return reinvested?.pace && round === 2
      ? { ...record, configuration: { ...configuration, qualitySteps: 53 } }
      : record;
  });
  const [{ outcomes }] = armsOf(shards);
  assertEquals(equals.map((equal) => outcomes[equal]!.steps), [51, 100]);
  const timed = of(exact, arms[4]).map((record): CellRecord => ({
    ...record,
    configuration: { ...record.configuration, round: record.configuration.round + 3, qualitySteps: 0 },
    quality: null,
  }));
  const [{ outcomes: { tokens } }] = armsOf([...of(exact, arms[4]), ...timed]);
  assertEquals(tokens!.steps, 100, "a round that only times trains for no steps");
});
