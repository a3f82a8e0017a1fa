import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { softwareWith } from "../../src/gpu/builder.ts";
import { typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { keyOf } from "../results/results.ts";
import { profiles } from "./profiles.ts";
import { type Arm, budgets } from "./reinvest.ts";
import { exactSteps, planReinvested, stepsOfTime, stepsOfTokens } from "./reinvested_cells.ts";
import { cellsOfShard } from "./shards.ts";
import { asTold } from "./sweep_testing.ts";

const options = {
  ...profiles.reinvest("software"),
  ...{ sequences: [64], batches: [16], rounds: 3, seeds: 2, qualitySteps: 100 },
  policies: ["exact", "mesa8"].map(policyDocument),
};
const all = await budgets(options, softwareWith(typicalSoftwareLimits));
const [{ arms, shape }] = all;

/** Every arm takes so many times as long as it has sequences, layers and channels of `exact`'s; the same size 1.25 times. */
const paceOf = ({ batch, model, policy }: Arm) => ({
  exact: 8,
  own: policy.name === "exact" ? 8 : 10 * batch * model.layers * model.width / (16 * 2 * 128),
});
const plan = (changes = {}, pace: typeof paceOf | (() => undefined) = paceOf) =>
  planReinvested({ ...options, ...changes }, all, pace);

Deno.test("stepsOfTokens() and stepsOfTime() are the nearest whole number, at least one", () => {
  assertEquals([stepsOfTokens(100, 16, 40), stepsOfTokens(100, 16, 48), stepsOfTokens(1, 1, 9)], [40, 33, 1]);
  const time = (exact: number, own: number) => stepsOfTime(100, { exact, own });
  assertEquals([time(8, 10), time(8, 4), time(3, 4.5), time(1, 1000)], [80, 200, 67, 1]);
});

Deno.test("planReinvested() trains each arm for exact's tokens and for its time, each with a schedule that ends with it", () => {
  const cells = plan().filter(({ round }) => round === 0);
  const grown = arms.filter(({ into }) => into).length;
  assertEquals(cells.length, arms.length + grown, "`exact` takes its own time, and its size is timed alone");
  for (const cell of cells.filter(({ policy, reinvested }) => policy === "exact" || reinvested)) {
    const { qualitySteps, schedule, batch, policy, reinvested } = cell;
    const arm = arms.find(({ policy: { name }, into }) => name === policy && into === reinvested?.into)!;
    const wanted = reinvested?.pace ? stepsOfTime(100, paceOf(arm)) : Math.round(100 * 16 / batch);
    assertEquals([qualitySteps, schedule!.totalSteps, schedule!.minimumFraction], [wanted, wanted, 0]);
    assertEquals(cell.learningRate, arm.learningRate);
    assertEquals(asTold(cell), cell);
  }
  const plain = cells.filter(({ reinvested }) => !reinvested);
  assertEquals(plain.map(({ policy, batch, qualitySteps }) => [policy, batch, qualitySteps]), [
    ["exact", 16, 100],
    ["mesa8", 16, 0],
  ]);
  const others = cells.filter(({ reinvested }) => reinvested);
  for (const { reinvested } of others) assertEquals([reinvested!.model, reinvested!.batch], ["nano", 16]);
  assert(
    others.some(({ reinvested }) => reinvested!.into === "batch") && others.some(({ batch }) => batch > 16),
  );
});

Deno.test("planReinvested() turns every other round, times each arm once where it does not train, and the first cell again", () => {
  const rounds = [0, 1, 2, 3].map((round) => plan().filter((cell) => cell.round === round));
  const names = (cells: ReturnType<typeof plan>) =>
    cells.map(({ policy, reinvested }) =>
      `${policy} ${reinvested?.into} ${reinvested?.pace ? "time" : "tokens"}`
    );
  assertEquals(names(rounds[1]), names(rounds[0]).toReversed());
  assertEquals(names(rounds[2]), names(rounds[0]).filter((name) => name.endsWith("tokens")));
  assertEquals(rounds[2].map(({ qualitySteps }) => qualitySteps), Array(arms.length).fill(0));
  assertEquals(rounds[3].map(({ policy, again }) => [policy, again]), [["exact", true]]);
  const cells = plan();
  assertEquals(new Set(cells.map(keyOf)).size, cells.length);
});

Deno.test("planReinvested() trains no model on more tokens than are told, and no other on fewer", () => {
  const trained = (mostTokens?: number) =>
    plan({ reinvest: { timedOnly: [], mostTokens } }).find(({ policy }) => policy === "exact")!.qualitySteps;
  assertEquals([trained(), trained(2 ** 30), trained(40 * 16 * 64), trained(1)], [100, 100, 40, 1]);
  assertEquals(exactSteps(shape, { qualitySteps: 0, reinvest: { timedOnly: [], mostTokens: 1 } }), 0);
});

Deno.test("planReinvested() takes no equal time of what has no pace, and trains no model and no policy that is only timed", () => {
  const unknown = plan({}, () => undefined);
  assertEquals(unknown.filter(({ reinvested }) => reinvested?.pace), []);
  assertEquals(unknown.filter(({ round }) => round === 0).length, arms.length);
  for (const timed of [plan({ reinvest: { timedOnly: ["nano"] } }), plan({ qualitySteps: 0 })]) {
    assertEquals([...new Set(timed.map(({ qualitySteps }) => qualitySteps))], [0]);
    assertEquals(timed.filter(({ reinvested }) => reinvested?.pace), []);
  }
  const trained = plan({ reinvest: { timedOnly: ["mesa8"] } }).filter(({ qualitySteps }) => qualitySteps > 0);
  assertEquals([...new Set(trained.map(({ policy }) => policy))], ["exact"]);
});

Deno.test("planReinvested() refuses more processes than a sweep can have", () => {
  assertThrows(() => plan({ rounds: 10_000 }), UserError, "more than the 10000 of one run");
});

Deno.test("cellsOfShard() keeps what is compared at one budget and seed together, whatever it has grown to", () => {
  const cells = plan();
  const shards = [1, 2].map((index) => cellsOfShard(cells, { index, of: 2 }));
  assertEquals(shards.map((shard) => new Set(shard.map(({ seed }) => seed)).size), [1, 1]);
  for (const shard of shards) {
    const [{ seed }] = shard;
    assertEquals(shard.length, cells.filter((cell) => cell.seed === seed).length);
    assert(shard.some(({ policy, batch }) => policy === "exact" && batch === shape.batch));
  }
});
