import { assert, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { UserError } from "../../src/errors.ts";
import { pairedRatio } from "../statistics/paired_ratio.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { missingCells } from "./outcomes.ts";
import {
  asFarAsOneTells,
  chooseRounds,
  stopBefore,
  stoppingOf,
  untilOf,
  untilPrecise,
  untilPrecision,
} from "./stopping.ts";
import { profiles } from "./profiles.ts";

const rule = { precision: 0.005, fewestRounds: 6, maxSeconds: 300 };
const planned = 20;

/** Records of `exact` and others, whose steps take `milliseconds` in each round; each process takes a second. */
function timed(
  milliseconds: Record<string, (round: number) => number>,
  rounds = planned,
  changes: Partial<CellRecord> = {},
): CellRecord[] {
  return Array.from({ length: rounds }, (_, round) =>
    Object.entries(milliseconds).map(([policy, step]) => ({
      ...fakeRecord({ policy, round, qualitySteps: 0 }, {
        timing: { clock: "gpu", stepMilliseconds: [step(round)], setupMilliseconds: 1 },
      }),
      seconds: 1,
      ...changes,
    }))).flat();
}

/** Steps of 10 ms, of which `factor` makes more or less, and which scatter by a share of `deviation` from round to round. */
const scattered = (random: Random, factor: number, deviation: number) => () =>
  10 * factor * Math.exp(deviation * random.normal());

/** Where such a comparison ends. */
const endOf = (records: readonly CellRecord[], changes: Partial<typeof rule> = {}) =>
  stopBefore(planned, records, untilPrecise({ ...rule, ...changes }));

Deno.test("stopBefore() ends after six rounds that agree, after more that scatter, and not at all where too many would be needed", () => {
  const roundsAt = (deviation: number) =>
    endOf(timed({ exact: () => 10, half: scattered(new Random(3), 0.9, deviation) }))?.rounds;
  assertEquals(roundsAt(0), 6);
  const more = roundsAt(0.006)!;
  assert(more > 6 && more < planned && more % 2 === 0, `${more}`);
  assertEquals(roundsAt(0.1), undefined);
});

Deno.test("stopBefore() ends only where each order of the policies ran equally often", () => {
  // Logarithms of ± 0.0047 in turn reach 0.0054 in 6 rounds, 0.0046 in 7.
  const turns = (round: number) => 10 * Math.exp(round % 2 === 0 ? 0.0047 : -0.0047);
  assertEquals(endOf(timed({ exact: () => 10, half: turns })), { rounds: 8, why: "precision" });
});

Deno.test("stopBefore() looks at how well a speed is known, and not at what it is: a bias ends nothing earlier or later", () => {
  const ends = [1, 0.95, 1.05, 3].map((factor) =>
    endOf(timed({ exact: () => 10, half: scattered(new Random(5), factor, 0.006) }))
  );
  assertEquals(ends, Array(4).fill(ends[0]));
  assert(ends[0]!.rounds > 6);
});

Deno.test("stopBefore() is not deceived by a bias that changes sides with the order, nor by one that comes late", () => {
  // Who comes second has a clock of 2% less: without alternation all rounds would agree, on a wrong speed.
  const second = (round: number) => round % 2 === 0 ? 10.2 : 10;
  assertEquals(endOf(timed({ exact: (round) => second(round + 1), half: second })), null);
  assertEquals(endOf(timed({ exact: () => 10, half: () => 10.2 }))?.rounds, 6);
  // The last of the first six rounds is 10% off.
  const late = endOf(timed({ exact: () => 10, half: (round) => round === 5 ? 11 : 10 }));
  assertEquals(late, null);
});

Deno.test("stopBefore() waits for the policy that is known least, and for none that did not run to its end", () => {
  const random = new Random(3);
  const wild = timed({ exact: () => 10, half: () => 9, mesa8: scattered(random, 1, 0.1) });
  assertEquals(endOf(wild), null);
  const failed = wild.filter(({ configuration: { policy, round } }) => policy !== "mesa8" || round < 2)
    .map((record): CellRecord =>
      record.configuration.policy === "mesa8" && record.configuration.round === 1
        ? { ...record, status: "oom", timing: null }
        : record
    );
  assertEquals(endOf(failed), { rounds: 6, why: "precision" });
  const alone = timed({ exact: scattered(random, 1, 0.1) });
  assertEquals(endOf(alone), { rounds: 6, why: "precision" });
});

Deno.test("stopBefore() ends after the round in which the time was over, training runs for quality apart", () => {
  const wild = { exact: () => 10, half: scattered(new Random(3), 1, 0.1) };
  assertEquals(endOf(timed(wild, planned, { seconds: 50 }), { maxSeconds: 300 }), { rounds: 3, why: "time" });
  assertEquals(endOf(timed(wild, planned, { seconds: 50 }), { maxSeconds: 301 }), { rounds: 4, why: "time" });
  const trained = timed(wild, planned, { seconds: 50 }).map((record) => {
    const qualitySteps = record.configuration.round < 2 ? 7 : 0;
    return { ...record, configuration: { ...record.configuration, qualitySteps } };
  });
  assertEquals(endOf(trained), { rounds: 5, why: "time" });
});

Deno.test("An interval at which a comparison ended holds the true speed at least 92 times in 100", () => {
  const random = new Random(7);
  const truth = 0.9;
  for (const deviation of [0.003, 0.006, 0.009, 0.03]) {
    const times = 1500;
    let held = 0;
    for (let i = 0; i < times; i++) {
      const records = timed({ exact: () => 9, half: scattered(random, 1, deviation) });
      const rounds = endOf(records)?.rounds ?? planned;
      const steps = (policy: string) =>
        new Map(
          records.filter(({ configuration }) =>
            configuration.policy === policy && configuration.round < rounds
          ).map((record) => [record.configuration.round, record.timing!.stepMilliseconds[0]]),
        );
      const { low, high } = pairedRatio(steps("exact"), steps("half"))!.interval!;
      if (low <= truth && truth <= high) held++;
    }
    assert(held / times > 0.92, `${held / times} at ${deviation}`);
  }
});

Deno.test("missingCells() misses no round of a comparison that is known well enough, and every other", () => {
  const all = timed({ exact: () => 10, half: () => 9 });
  const { cells } = fakeHeader(all);
  const missing = (records: readonly CellRecord[], stopping?: typeof rule) =>
    missingCells({ cells, growing: false, stopping }, records).map(({ policy, round }) =>
      `${policy} ${round}`
    );
  const six = all.slice(0, 12);
  assertEquals(missing(six, rule), []);
  assertEquals(missing(six).length, 28);
  assertEquals(missing(all.slice(0, 10), rule).slice(0, 3), ["exact 5", "half 5", "exact 6"]);
  // One that was lost in between is missing, and with it the knowledge: what it settles is seen when it is there again.
  const lost = six.filter(({ configuration }) =>
    !(configuration.policy === "half" && configuration.round === 2)
  );
  assertEquals([missing(lost, rule)[0], missing(lost, rule).length], ["half 2", 1 + 28]);
  // Where nothing was run yet, each round may be needed; nor is one policy's part of a round any end.
  assertEquals([missing([], rule).length, missing(all.slice(0, 1), rule).length], [40, 39]);
  // What measures quality, or drift, is never needless.
  const trained = cells.map((cell) => ({ ...cell, qualitySteps: 7 }));
  const again = { ...cells[0], round: planned, again: true as const };
  const header = { growing: false, stopping: rule };
  assertEquals(missingCells({ ...header, cells: trained }, []).length, 40);
  assertEquals(missingCells({ ...header, cells: [...cells, again] }, six), [again]);
});

Deno.test("Of two programs by turns, a report alone misses no round after the first at which both may have known enough", () => {
  const records = timed({ exact: () => 10, half: scattered(new Random(3), 1, 0.1) });
  const until = { tolerance: 0.02, fewestRounds: 6, maxSeconds: 300 };
  const { cells } = fakeHeader(records);
  const interleaved = { run: crypto.randomUUID(), side: "new" as const, until };
  const missing = (rounds: number) =>
    missingCells({ cells, growing: false, interleaved }, records.slice(0, 2 * rounds)).length;
  assertEquals([0, 5, 6, 8, 20].map(missing), [40, 30, 0, 0, 0]);
  assertEquals(stopBefore(planned, records.slice(0, 11), asFarAsOneTells(until)), null);
  const [exact, half] = ["exact", "half"].map((policy) =>
    records.slice(0, 12).filter(({ configuration }) => configuration.policy === policy)
  );
  const ended = [...exact, ...half.slice(0, 2), { ...half[2], status: "oom" as const, timing: null }];
  assert(stopBefore(planned, ended, asFarAsOneTells(until)), "nobody waits for what does not run any more");
});

Deno.test("missingCells() settles each comparison by itself", () => {
  const known = timed({ exact: () => 10, half: () => 9 });
  const wild = timed({ exact: () => 10, half: scattered(new Random(3), 1, 0.1) })
    .map((record) => ({ ...record, configuration: { ...record.configuration, batch: 8 } }));
  const { cells } = fakeHeader([...known, ...wild]);
  const missing = missingCells({ cells, growing: false, stopping: rule }, [
    ...known.slice(0, 12),
    ...wild.slice(0, 12),
  ]);
  assertEquals([missing.length, new Set(missing.map(({ batch }) => batch))], [28, new Set([8])]);
  // 40 s of one comparison are none of the other.
  const other = wild.map((record) => ({ ...record, configuration: { ...record.configuration, batch: 16 } }));
  const both = { ...fakeHeader([...wild, ...other]), stopping: { ...rule, maxSeconds: 41 } };
  assertEquals(missingCells(both, [...wild, ...other.slice(0, 12)]).length, 28);
});

Deno.test("chooseRounds() takes a number as it is, a precision up to the most, both together, and the profile's where neither is said", () => {
  const known = untilPrecision(0.005);
  const few = { rounds: 2 };
  assertEquals(chooseRounds({}, few), few);
  assertEquals(chooseRounds({}, known), known);
  assertEquals(chooseRounds({ rounds: 3 }, known), { rounds: 3 });
  assertEquals(chooseRounds({ precision: 0.01 }, few), { ...known, precision: 0.01 });
  assertEquals(chooseRounds({ precision: 0.01, rounds: 40, maxTime: 60 }, few), {
    precision: 0.01,
    rounds: 40,
    maxTime: 60,
  });
  assertEquals(chooseRounds({ maxTime: 60 }, known), { ...known, maxTime: 60 });
  assertEquals(untilOf({ ...profiles.gpu("gpu"), maxTime: 60 }, 0.02), {
    until: { tolerance: 0.02, fewestRounds: 6, maxSeconds: 60 },
  });
  assertEquals(untilOf(profiles.smoke("gpu"), 0.02), {});
  assertThrows(() => chooseRounds({ maxTime: 60 }, few), UserError, "give --precision, too");
  assertThrows(() => chooseRounds({ maxTime: 60, rounds: 3 }, known), UserError, "give --precision, too");
  assertThrows(() => chooseRounds({ precision: 0.01, rounds: 6 }, few), UserError, "leave --rounds out");
});

Deno.test("Profiles that ask for speed end by precision on a GPU, and none does on a software adapter", () => {
  const precise = Object.keys(profiles).filter((name) => profiles[name]("gpu").precision !== undefined);
  assertEquals(precise, ["gpu", "paper", "states", "mini-sequences"]);
  for (const name of precise) {
    const software = profiles[name === "gpu" ? "llvmpipe" : name]("software");
    assertEquals([software.precision, stoppingOf(software)], [undefined, {}]);
    assertEquals(stoppingOf(profiles[name]("gpu")), { stopping: rule });
  }
});
