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
