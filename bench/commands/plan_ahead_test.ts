import { assert, assertEquals } from "@std/assert";
import { softwareWith } from "../../src/gpu/builder.ts";
import { typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { unusual } from "../../src/train/step_choices.ts";
import { keyOf } from "../results/results.ts";
import { isOf } from "../results/run_header.ts";
import { profiles } from "../sweep/profiles.ts";
import { cellsOfShard } from "../sweep/shards.ts";
import { planSweep } from "../sweep/sweep.ts";
import { planAhead } from "./plan_ahead.ts";
import { loadAll } from "./run_bench.ts";

const mst = profiles.mst("software");
const options = {
  ...mst,
  ...{ batches: [1, 2], models: ["llama-nano", "nano"].map(modelConfig), memory: 12 * 2 ** 20 },
  policies: ["exact", "half", "recompute", "mst"].map(policyDocument),
  longest: { ...mst.longest!, beside: { exact: ["mst"] } },
};
const planned = async (changes: Partial<typeof options> = {}, lengthsGiven = false) => {
  const all = { ...options, ...changes };
  const told = planSweep(all);
  const builder = softwareWith(typicalSoftwareLimits);
  return { told, ...await planAhead(all, told, await loadAll(told, {}), builder, lengthsGiven) };
};
const { told, found, cells } = await planned();
const own = found.longest!.found.filter((one) =>
  JSON.stringify(unusual(one)) === JSON.stringify(unusual(options))
);
const proofs = cells.slice(told.length);

Deno.test("planAhead() proves each longest length of a sweep's own choices by one step of its policy, after all else and the shortest first", () => {
  assertEquals(cells.slice(0, told.length), told);
  assertEquals(own.length, 2 * 2 * options.policies.length);
  for (const one of own) {
    const steps = proofs.filter((cell) =>
      isOf(one, cell) && cell.policy === one.policy && cell.sequence === one.sequence
    );
    assertEquals(steps.length, 1, `${one.batch} × ${one.sequence} ${one.policy}`);
  }
  for (const { warmupSteps, timedSteps, round, modelDocument, sequence } of proofs) {
    assertEquals([warmupSteps, timedSteps, round], [0, 1, 0]);
    assertEquals((modelDocument as { positions: number }).positions, sequence, "no more than it has tokens");
  }
  const lengths = proofs.map(({ sequence }) => sequence);
  assertEquals(lengths, lengths.toSorted((a, b) => a - b));
  assertEquals(new Set(cells.map(keyOf)).size, cells.length);
});

Deno.test("planAhead() has no other policy take those steps but `exact`, and those to stand beside", () => {
  for (const cell of proofs) {
    const { sequence, batch, policy } = cell;
    const owners = own.filter((one) => one.sequence === sequence && isOf(one, cell)).map((one) => one.policy);
    assert(owners.length > 0, `${batch} × ${sequence}`);
    const beside = policy === "exact" || policy === "mst" && owners.includes("exact");
    assert(owners.includes(policy) || beside, `${policy} at ${sequence}`);
    if (!owners.includes("exact")) continue;
    assert(
      proofs.some((other) => other.model === cell.model && other.batch === batch && other.policy === "mst"),
    );
  }
  assert(proofs.some(({ policy, sequence }) => policy === "exact" && sequence === proofs.at(-1)!.sequence));
});

Deno.test("planAhead() proves no length that the sweep covers, and none where the user gives lengths", async () => {
  const covered = await planned({ sequences: [...new Set(own.map(({ sequence }) => sequence))] });
  assertEquals(covered.cells, covered.told);
  assertEquals((await planned({}, true)).cells, told);
});

Deno.test("Shards divide the longest sequences by length", () => {
  const shards = [1, 2].map((index) => cellsOfShard(cells, { index, of: 2 }));
  assertEquals(shards.flat().length, cells.length);
  for (const shard of shards) assert(shard.some((cell) => proofs.includes(cell)));
});
