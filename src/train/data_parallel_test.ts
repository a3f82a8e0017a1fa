import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { modelConfig } from "../models/model_config.ts";
import { describeStep } from "./plan_training.ts";
import { comparisonTest } from "./ranks_comparison_testing.ts";
import type { Job } from "./ranks_testing.ts";

const job = (folder: string, changes: Job["changes"] = {}): Job => ({ folder, over: "batch", changes });

comparisonTest("2 ranks that share batches train as one process, each time the same bits", 2, [
  job("gpt2-ragged"),
  job("llama-ragged", { policy: "mst", accumulate: 2 }),
  job("llama-ragged", { update: "backward", clipBy: "last" }),
  job("gpt2-ragged", { parameters: "bf16", moments: "8bit" }),
], true);

comparisonTest("4 ranks share a batch of 6, and of images, too", 4, [
  { ...job("gpt2-ragged", { accumulate: 2 }), joined: 2 },
  { ...job("vit-small"), joined: 2 },
]);

Deno.test("Ranks sum gradients while backward goes on, but for the last of them", () => {
  const options = { model: modelConfig("small"), sequence: 64, batch: 2, policy: "exact", seed: 0 } as const;
  const { exchanges, dispatches } = describeStep(
    { ...options, ranks: 2, spread: "batch" },
    gpuWith(typicalGpuLimits),
  );
  const end = dispatches.findLastIndex(({ pass }) => pass === "backward");
  const beside = exchanges.filter(({ before }) => before <= end);
  assert(exchanges.every(({ name, microBatch }) => /^(shares|sums) of /.test(name) && microBatch === "last"));
  assertEquals([beside.length >= 3, exchanges.length > beside.length], [true, true]);
  const bytes = exchanges.flatMap(({ leaves }) => leaves).reduce((sum, piece) => sum + piece.bytes, 0);
  assert(bytes >= 4 * 124e6, `${bytes} bytes are summed`);
});
