import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compare } from "./cell_rounds.ts";
import { dominance } from "./dominance.ts";
import { frontierPoints, peerPoints } from "./frontier.ts";
import { frontierAnswers, plannedAt, within } from "./frontier_answers.ts";
import { plannedTable } from "./frontier_tables.ts";
import { type FakeCombination, fakeCombinations, fakeFrontier } from "./frontier_testing.ts";
import type { CellRecord } from "../results/results.ts";

const state = { moments: "8bit", parameters: "bf16" } as const;
const all: FakeCombination[] = [
  { name: "exact", policy: "exact", memory: 8, time: 1 },
  { name: "half", policy: "half", memory: 5, time: 1.05, error: 0.0002 },
  { name: "token8", policy: "token8", memory: 4, time: 1.02, error: 0.004 },
];
const of = (some: readonly FakeCombination[]) => compare(fakeCombinations(some))[0];
const winners = (name: string, some: readonly FakeCombination[]) =>
  frontierPoints(of(some)).find((point) => point.name === name)!.beatenBy.map((by) => by.name);

Deno.test("What may be slower by more than a percent beats nothing", () => {
  const beside = (scatter: readonly [number, number, number]) =>
    winners("exact", [all[0], {
      name: "exact + state",
      policy: "exact",
      choices: state,
      memory: 7,
      time: 1,
      scatter,
    }]);
  assertEquals(beside([1.003, 1 / 1.003, 1]), ["exact + state"]);
  assertEquals(beside([1.006, 1 / 1.006, 1]), [], "it may be 1.5% slower");
});

Deno.test("Of equal bytes and speeds what has a larger gradient error is beaten", () => {
  const in16 = (
    policy: string,
    error: number,
  ) => ({
    name: `${policy} + f16`,
    policy,
    choices: { arithmetic: "f16" },
    memory: 8,
    time: 0.5,
    error,
  } as const);
  const some = [all[0], in16("exact", 0.0003), in16("half", 0.001)];
  assertEquals([winners("half + f16", some), winners("exact + f16", some)], [["exact + f16"], []]);
});

Deno.test("A row of PyTorch's of another model, length or batch stands beside nothing", () => {
  const row = { model: "nano", sequence: 128, batch: 4, name: "f32, plain", tokensPerSecond: 1, bytes: 1 };
  for (const other of [{ model: "small" }, { sequence: 256 }, { batch: 8 }]) {
    assertEquals(peerPoints(of(all), frontierPoints(of(all)), fakeFrontier(all, [{ ...row, ...other }])), []);
  }
});

Deno.test("No row of PyTorch's is beaten by what diverged", () => {
  const [comparison] = compare(
    fakeCombinations(all).map((record) =>
      record.configuration.policy === "token8" ? { ...record, status: "diverged" as const } : record
    ),
  );
  const row = {
    model: "nano",
    sequence: 128,
    batch: 4,
    name: "f32, plain",
    tokensPerSecond: 1,
    bytes: 20 * 2 ** 30,
  };
  const [{ beatenBy }] = peerPoints(comparison, frontierPoints(comparison), fakeFrontier(all, [row]));
  assertEquals(beatenBy.map(({ name }) => name), ["half", "exact"]);
});

Deno.test("What failed in a later round did not run to its end", () => {
  const [comparison] = compare(
    fakeCombinations(all).map((record): CellRecord =>
      record.configuration.policy === "token8" && record.configuration.round === 2
        ? { ...record, status: "timeout", timing: null }
        : record
    ),
  );
  assertEquals(within(frontierPoints(comparison), Infinity).map(({ name }) => name), ["half", "exact"]);
});

Deno.test("What ran in company alone is no answer", () => {
  const [comparison] = compare(
    fakeCombinations(all).map((record) => ({
      ...record,
      timing: { ...record.timing!, reference: { work: record.configuration.policy === "half" ? 3 : 1 } },
    })),
  );
  assertEquals(within(frontierPoints(comparison), Infinity).map(({ name }) => name), ["token8", "exact"]);
});

Deno.test("plannedAt() takes the combinations of a comparison's own size", () => {
  const told = fakeFrontier(all);
  const { planned } = told.frontier!;
  const others = [{ model: "small" }, { sequence: 256 }, { batch: 8 }].map((other) => ({
    ...planned[0],
    ...other,
  }));
  const frontier = { ...told.frontier!, planned: [...planned, ...others] };
  assertEquals(plannedAt(of(all), { frontier }).map(({ name }) => name), ["token8", "half", "exact"]);
});

Deno.test("plannedTable() has rows of its own for each model and size", () => {
  const { planned } = fakeFrontier(all).frontier!;
  const both = [...planned, ...planned.map((one) => ({ ...one, batch: 8 }))];
  assertEquals(
    plannedTable({ frontier: { most: 40, planned: both } })!.split("\n").length,
    2 + 2 * all.length,
  );
});

Deno.test("dominance() counts no rounds that ran in company", () => {
  const some = [all[0], { ...all[1], time: 0.9 }];
  const crowded = compare(
    fakeCombinations(some).map((record) => {
      const { policy, round } = record.configuration;
      return {
        ...record,
        timing: { ...record.timing!, reference: { work: policy === "half" && round > 0 ? 3 : 1 } },
      };
    }),
  );
  assert(dominance([of(some)])!.includes("`exact` by `half`"));
  assertEquals(dominance(crowded), null);
});

Deno.test("dominance() names places only where a winner does not beat everywhere it ran beside the beaten", () => {
  const some = [{ ...all[1], time: 0.9 }, all[0], all[2]];
  const larger = fakeCombinations([all[0], all[2]]).map((record) => ({
    ...record,
    configuration: { ...record.configuration, batch: 8 },
  }));
  const text = dominance(compare([...fakeCombinations(some), ...larger]))!;
  assertStringIncludes(text, "`exact` by `half`;");
});

Deno.test("frontierAnswers() tells between which steps gradients were compared", () => {
  const more = fakeCombinations(all).map((record) => ({
    ...record,
    quality: record.quality &&
      {
        ...record.quality,
        gradientErrors: record.quality.gradientErrors.flatMap((one) => [one, { ...one, step: 20 }]),
      },
  }));
  assertStringIncludes(
    frontierAnswers(compare(more), fakeFrontier(all))!,
    "those at steps 2 to 20 of training",
  );
});
