import { assert, assertEquals } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { fakeRecord } from "../results/testing.ts";
import { Comparisons } from "../sweep/comparisons.ts";
import { stopBefore, type Timed } from "../sweep/stopping.ts";
import { untilKnown } from "./known_verdicts.ts";
import { pairedSpeed, type SpeedVerdict, verdictOf } from "./speed.ts";

const until = { tolerance: 0.02, fewestRounds: 6, maxSeconds: 300 };
const planned = 40;

/** Rounds of two programs: the second's steps take `factor` of the first's, and scatter from round to round. */
function byTurns(
  factor: number,
  deviation: number,
  { random = new Random(3), rounds = planned, policy = "exact", seconds = 1 } = {},
): Timed[] {
  return Array.from(
    { length: rounds },
    (_, round) =>
      [1, factor * Math.exp(deviation * random.normal())].map((step, side) => ({
        ...fakeRecord({ policy, round, qualitySteps: 0 }, {
          timing: { clock: "wall", stepMilliseconds: [10 * step], setupMilliseconds: 1 },
        }),
        seconds,
        side,
      })),
  ).flat();
}

const endOf = (records: readonly Timed[], abreast = false) =>
  stopBefore(planned, records, untilKnown(until, abreast));

/** What is said of a cell at the round at which its rounds ended, and that round. */
function verdictAtEnd(records: readonly Timed[]): { verdict: SpeedVerdict; rounds: number } {
  const rounds = endOf(records)?.rounds ?? planned;
  const of = (which: number) => ({
    stepByRound: new Map(
      records.filter(({ side, configuration: { round } }) => side === which && round < rounds)
        .map(({ configuration: { round }, timing }) => [round, timing!.stepMilliseconds[0]]),
    ),
  });
  return { verdict: verdictOf(pairedSpeed(of(0), of(1))!, until.tolerance), rounds };
}

Deno.test("untilKnown() goes on while a verdict is unsure, and ends after six rounds that agree", () => {
  assertEquals(endOf(byTurns(1, 0)), { rounds: 6, why: "precision" });
  assertEquals(endOf(byTurns(1.05, 0)), { rounds: 6, why: "precision" });
  assertEquals(endOf(byTurns(1, 0.2)), null);
  const { verdict, rounds } = verdictAtEnd(byTurns(1, 0.02));
  assert(verdict === "same" && rounds > 6 && rounds < planned && rounds % 2 === 0, `${verdict} ${rounds}`);
});

Deno.test("untilKnown() waits for every policy, and for none that did not run to its end", () => {
  const wild = byTurns(1, 0.2, { policy: "half" });
  assertEquals(endOf([...byTurns(1, 0), ...wild]), null);
  const failed = wild.map((process) => ({ ...process, status: "oom" as const, timing: null }));
  assertEquals(endOf([...byTurns(1, 0), ...failed])?.rounds, 6);
});

Deno.test("untilKnown() has no verdict of rounds that one of the two did not run", () => {
  const lost = byTurns(1, 0).filter(({ side, configuration }) => side === 0 || configuration.round !== 3);
  assertEquals(endOf(lost), null);
});

Deno.test("untilKnown() counts seconds once where both run at once", () => {
  const slow = byTurns(1, 0.2, { seconds: 10 });
  assertEquals([endOf(slow), endOf(slow, true)], [{ rounds: 15, why: "time" }, { rounds: 30, why: "time" }]);
});

Deno.test("Verdicts at which rounds end are right where nothing is and where a twentieth is, and seldom wrong at the edge", () => {
  const random = new Random(5);
  const verdicts = (factor: number, deviation: number) =>
    Map.groupBy(
      Array.from({ length: 400 }, () => verdictAtEnd(byTurns(factor, deviation, { random }))),
      ({ verdict }) => verdict,
    );
  for (const deviation of [0.005, 0.018]) {
    assertEquals(verdicts(1, deviation).get("same")?.length, 400);
    assertEquals(verdicts(1.053, deviation).get("slower")?.length, 400);
    const edge = verdicts(1 / 0.98, deviation);
    const same = edge.get("same")?.length ?? 0;
    const slower = edge.get("slower")?.length ?? 0;
    assert(same < 60 && slower < 60, `${same} and ${slower} of 400 at ${deviation}`);
  }
});

Deno.test("Comparisons of two programs end for both at the same round", () => {
  const comparisons = new Comparisons(untilKnown(until, false));
  const records = byTurns(1, 0, { rounds: 8 });
  const needed = records.map((process) => {
    const settled = comparisons.settles(process.configuration);
    comparisons.note(process);
    return !settled;
  });
  assertEquals(needed, [...Array(12).fill(true), ...Array(4).fill(false)]);
});
