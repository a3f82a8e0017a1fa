import { assertEquals } from "@std/assert";
import { compare } from "./cell_rounds.ts";
import { frontierPoints, peerPoints, stairs } from "./frontier.ts";
import { type FakeCombination, fakeCombinations, fakeFrontier } from "./frontier_testing.ts";

const exact: FakeCombination = { name: "exact", policy: "exact", memory: 8, time: 1 };
const in16 = (name: string, changes: Partial<FakeCombination>): FakeCombination => ({
  ...{ name, policy: "exact", choices: { arithmetic: "f16" }, memory: 8, time: 0.5, error: 0.0003 },
  ...changes,
});
const pointsOf = (some: readonly FakeCombination[]) => frontierPoints(compare(fakeCombinations(some))[0]);
const stepsOf = (some: readonly FakeCombination[]) => stairs(pointsOf(some)).map(({ name }) => name);
const winners = (name: string, some: readonly FakeCombination[]) =>
  pointsOf(some).find((point) => point.name === name)!.beatenBy.map((by) => by.name);

/** Rounds that do not tell whether it is slower or faster, by less than a percent. */
const scatter = [0.999, 1.0015, 0.9995] as const;

Deno.test("stairs() name one combination for bytes that are told alike, the fastest, whatever the order of records", () => {
  const alike = [
    exact,
    in16("exact + f16x3", { choices: { arithmetic: "f16x3" }, time: 0.8, error: 1e-4 }),
    in16("exact + f16", {}),
  ];
  assertEquals(stepsOf(alike), ["exact + f16"]);
  assertEquals(stepsOf(alike.toReversed()), ["exact + f16"]);
  // "2.32 GiB" each, as `small` takes under Dawn.
  const nearly = [2496121936, 2496233092, 2496245380].map((bytes, i) => ({
    ...alike[i],
    memory: bytes / 2 ** 30,
  }));
  assertEquals(stepsOf(nearly), ["exact + f16"]);
  assertEquals(stepsOf([...nearly, in16("smaller", { memory: 2.31, time: 2 })]), ["smaller", "exact + f16"]);
  const apart = [exact, in16("exact + f16", { memory: 8.01 })];
  assertEquals(stepsOf(apart), ["exact", "exact + f16"], "8 GiB and 8.01 GiB");
});

Deno.test("frontierPoints() put the fastest of equal bytes first, and of equal speeds the first by name", () => {
  const all = [exact, in16("b", {}), in16("a", {}), in16("a slow one", { time: 3 })];
  for (const some of [all, all.toReversed()]) {
    assertEquals(pointsOf(some).map(({ name }) => name), ["a", "b", "exact", "a slow one"]);
  }
});

Deno.test("stairs() climb to nothing that may be as slow as what takes less", () => {
  const token8 = { name: "token8", policy: "token8", memory: 4, time: 1, error: 0.004 };
  const half = { name: "half", policy: "half", memory: 5, time: 0.9999, scatter, error: 0.0002 };
  assertEquals(stepsOf([exact, token8, half]), ["token8"]);
  assertEquals(stepsOf([exact, token8, { ...half, time: 0.9 }]), ["token8", "half"]);
});

Deno.test("Of equal bytes and errors what is faster for certain beats, and nothing that only may be", () => {
  const base = in16("exact + f16", {});
  assertEquals(winners("exact + f16", [exact, base, in16("faster", { time: 0.45 })]), ["faster"]);
  const same = [exact, base, in16("as fast", { time: 0.49995, scatter })];
  assertEquals([winners("exact + f16", same), winners("as fast", same)], [[], []]);
});

Deno.test("A row of PyTorch's is not beaten by what takes as many bytes", () => {
  const [comparison] = compare(fakeCombinations([exact]));
  const beaten = (bytes: number) => {
    const row = { model: "nano", sequence: 128, batch: 4, name: "f32, plain", tokensPerSecond: 1, bytes };
    return peerPoints(comparison, frontierPoints(comparison), fakeFrontier([exact], [row]))[0].beatenBy
      .length;
  };
  assertEquals([beaten(8 * 2 ** 30), beaten(8 * 2 ** 30 + 1)], [0, 1]);
});
