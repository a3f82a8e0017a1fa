import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { modelConfig } from "../models/model_config.ts";
import { policyNames } from "../storage/policies.ts";
import { parsePolicy } from "../storage/policy_document.ts";
import { describeStep } from "./plan_training.ts";
import { comparisonTest, storageTest } from "./ranks_comparison_testing.ts";
import type { Job } from "./ranks_testing.ts";

/** 37 tokens, which no number of ranks here divides; GPT-2 of three heads, Llama of six that share three heads of keys. */
const jobs = ["gpt2-ragged", "llama-ragged"].flatMap((folder) =>
  [{ policy: "exact" }, { policy: "mst", accumulate: 2 }].map((changes): Job => ({
    folder,
    over: "sequence",
    changes,
  }))
);

for (const size of [2, 3, 4]) {
  const name = `${size} ranks that share every sequence train as one process`;
  if (size === 3) comparisonTest(`${name}, each time the same bits`, size, jobs, true);
  else comparisonTest(name, size, jobs);
}

const remade = [["output"], ["qkv"]].map((tensors): Job => ({
  folder: "llama-ragged",
  over: "sequence",
  changes: {
    policy: parsePolicy({ name: `${tensors}`, bits: 32, rules: [{ tensors, recompute: true }] }, ""),
  },
}));
comparisonTest("2 ranks that share every sequence make attention again as one process does", 2, remade);

const mesa8 = ["gpt2-ragged", "llama-ragged"].flatMap((folder) =>
  [1, 2].map((accumulate): Job => ({
    folder,
    over: "sequence",
    steps: 1,
    changes: { policy: "mesa8", accumulate },
  }))
);
for (const size of [2, 3, 4]) {
  storageTest(
    `${size} ranks that share every sequence round no more under mesa8 than one process, and clip so many times as much at the most`,
    size,
    mesa8,
  );
}

Deno.test("Ranks exchange as few pieces of many sequences as of few, so that a step of a million is planned", () => {
  const planned = (batch: number, sequence: number, policy: string) =>
    describeStep(
      { model: modelConfig("nano"), sequence, batch, policy, seed: 0, ranks: 4 },
      gpuWith(typicalGpuLimits),
    );
  for (const policy of ["exact", "mst8"]) {
    const [few, many] = [2, 200].map((batch) =>
      planned(batch, 8, policy).exchanges.map(({ leaves, arrives, stays }) => [
        ...[leaves.length, arrives.length, stays?.copies.length],
      ])
    );
    assertEquals(many, few, policy);
    assert(planned(1e6, 4, policy).plan.bufferBytes > 2 ** 32, "a million sequences take next to nothing");
  }
});

Deno.test("Two ranks that share every sequence keep together what one process keeps, the output of attention once", () => {
  const again = parsePolicy({ name: "again", rules: [{ tensors: ["qkv"], recompute: true }] }, "again.json");
  // Its heads on one rank have ranges of their own: by token two numbers for each tensor of queries, keys and values.
  const split = { small: 12 * 3, "llama-micro": 4 * 6 };
  for (const name of ["small", "llama-micro"] as const) {
    for (const policy of [...policyNames, again]) {
      const step = { model: modelConfig(name), sequence: 64, batch: 2, policy, seed: 0 };
      const kept = (ranks: number) =>
        describeStep({ ...step, ranks }, gpuWith(typicalGpuLimits)).plan.savedBytes;
      const more = policy === "token8" ? 64 * 2 * 8 * split[name] : 0;
      assertEquals(
        2 * kept(2),
        kept(1) + more,
        `${name} ${typeof policy === "string" ? policy : policy.name}`,
      );
    }
  }
});
